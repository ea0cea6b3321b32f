"""Reading a pickle without running anything of it.

Python's own unpickler calls whatever a file names. This one interprets the operations that plain values, tensors and
arrays need, of protocols 2 to 5; a name it is not given, or another operation, ends the reading. It keeps no more than
the file holds, times a constant: lengths beyond the file's end and long rows of operations are refused.
"""

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any, cast

MOST_OPERATIONS = 2_000_000  # a file of weights with the optimizer's state has some 100,000
LONGEST_LINE = 4096

Names = Mapping[tuple[str, str], Callable | None]


@dataclass(frozen=True)
class Name:
    """A name of the file that is known. `call`: what stands for it here; None where it is only referred to."""

    module: str
    name: str
    call: Callable | None


class BoundedFile:
    """A binary file whose reads never ask for more than is left in it."""

    def __init__(self, file: IO[bytes], size: int):
        self._file = file
        self.left = size

    def read(self, number: int) -> bytes:
        if number < 0 or number > self.left:
            raise ValueError(f"it ends {max(number, 0) - self.left:,} bytes too early")
        data = self._file.read(number)
        if len(data) < number:
            raise ValueError(f"it ends {number - len(data):,} bytes too early")
        self.left -= number
        return data

    def readline(self) -> bytes:
        data = self._file.readline(LONGEST_LINE)
        self.left -= len(data)
        return data


class SafePickle:
    """One pickle at the present place of a file.

    Args:
        file: Where it is read from; afterwards at the byte behind it.
        names: (module, name) -> the function that stands for it here, or None where it may only be referred to.
        reference: Makes of a persistent id (torch's storages) what stands for it; None: there are none.
    """

    def __init__(self, file: BoundedFile, names: Names, reference: Callable[[object], object] | None = None):
        self._file = file
        self._names = names
        self._reference = reference
        self._stack: list = []
        self._marks: list[list] = []
        self._memo: dict[int, object] = {}

    def load(self) -> object:
        """The value.

        Raises:
            ValueError: Where the pickle is damaged, cut short, or asks for what no file of weights needs.
        """
        try:
            for count, (operation, argument, _) in enumerate(pickletools.genops(cast(IO[bytes], self._file))):
                if count >= MOST_OPERATIONS:
                    raise ValueError(f"it has more than {MOST_OPERATIONS:,} operations, so it is no file of weights")
                if operation.name == "STOP":
                    return self._stack.pop()
                self._do(operation.name, argument)
        except (IndexError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError(f"its pickle is damaged ({type(error).__name__})") from error
        raise ValueError("its pickle has no end")

    def _do(self, operation: str, argument) -> None:
        if operation in CONSTANTS:
            self._stack.append(CONSTANTS[operation])
        elif operation in LITERALS:
            self._stack.append(argument)
        elif operation in ("BINPUT", "LONG_BINPUT"):
            self._memo[argument] = self._stack[-1]
        elif operation == "MEMOIZE":
            self._memo[len(self._memo)] = self._stack[-1]
        elif operation in ("BINGET", "LONG_BINGET"):
            self._stack.append(self._memo[argument])
        elif operation not in ("PROTO", "FRAME"):
            action = ACTIONS.get(operation)
            if action is None:
                raise ValueError(f"it uses the pickle operation {operation}, which no file of weights needs: not read")
            action(self, argument)

    def _mark(self, _) -> None:
        self._marks.append(self._stack)
        self._stack = []

    def _since_mark(self) -> list:
        items, self._stack = self._stack, self._marks.pop()
        return items

    def _pop(self, _) -> None:
        self._stack.pop()

    def _tuple(self, _) -> None:
        items = self._since_mark()
        self._stack.append(tuple(items))

    def _short_tuple(self, count: int) -> None:
        items = self._stack[-count:]
        if len(items) != count:
            raise IndexError
        self._stack[-count:] = [tuple(items)]

    def _new(self, kind: type) -> None:
        self._stack.append(kind())

    def _list(self, _) -> None:
        items = self._since_mark()
        self._stack.append(items)

    def _append(self, _) -> None:
        item = self._stack.pop()
        self._extend([item])

    def _appends(self, _) -> None:
        self._extend(self._since_mark())

    def _extend(self, items: list) -> None:
        if type(self._stack[-1]) is not list:
            raise TypeError
        self._stack[-1].extend(items)

    def _dict(self, _) -> None:
        items = self._since_mark()
        self._stack.append({})
        self._update(items)

    def _set_item(self, _) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._update([key, value])

    def _set_items(self, _) -> None:
        self._update(self._since_mark())

    def _update(self, items: list) -> None:
        if type(self._stack[-1]) is not dict or len(items) % 2:
            raise TypeError
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) not in (str, int):  # the hash of nested tuples may take for ever
                raise ValueError(f"it has a {type(key).__name__} as a key, where names are expected")
            self._stack[-1][key] = value

    def _global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self._push_name(module, name)

    def _stack_global(self, _) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if type(name) is not str or type(module) is not str:
            raise TypeError
        self._push_name(module, name)

    def _push_name(self, module: str, name: str) -> None:
        if (module, name) not in self._names:
            raise ValueError(
                f"it asks for {module[:80]}.{name[:80]}, which no file of weights needs: not read. (Of a model of your "
                "own, store the weights alone: torch.save(model.state_dict(), ...).)"
            )
        self._stack.append(Name(module, name, self._names[module, name]))

    def _reduce(self, _) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        if type(function) is not Name or function.call is None or type(arguments) is not tuple:
            raise ValueError("it calls what is no function of weights: not read")
        self._stack.append(function.call(*arguments))

    def _build(self, _) -> None:
        state = self._stack.pop()
        target = self._stack[-1]
        if type(target) is not dict:  # of a state_dict it is only about versions
            target.set_state(state)

    def _persistent(self, _) -> None:
        if self._reference is None:
            raise ValueError("it refers to what is outside of it: not read")
        self._stack.append(self._reference(self._stack.pop()))


CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
LITERALS = {
    *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
    *("BINSTRING", "SHORT_BINSTRING", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
ACTIONS: dict[str, Callable[[SafePickle, Any], None]] = {
    "MARK": SafePickle._mark,
    "POP": SafePickle._pop,
    "TUPLE": SafePickle._tuple,
    "TUPLE1": lambda self, _: self._short_tuple(1),
    "TUPLE2": lambda self, _: self._short_tuple(2),
    "TUPLE3": lambda self, _: self._short_tuple(3),
    "EMPTY_LIST": lambda self, _: self._new(list),
    "EMPTY_DICT": lambda self, _: self._new(dict),
    "LIST": SafePickle._list,
    "APPEND": SafePickle._append,
    "APPENDS": SafePickle._appends,
    "DICT": SafePickle._dict,
    "SETITEM": SafePickle._set_item,
    "SETITEMS": SafePickle._set_items,
    "GLOBAL": SafePickle._global,
    "STACK_GLOBAL": SafePickle._stack_global,
    "REDUCE": SafePickle._reduce,
    "BUILD": SafePickle._build,
    "BINPERSID": SafePickle._persistent,
}
