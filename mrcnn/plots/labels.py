"""Names of classes for captions and axes."""


def class_label(class_id, class_names):
    """The name of a class; a crowd object (negative id) is marked as one.

    Raises ValueError if there is no name for the id.
    """
    class_id = int(class_id)
    if abs(class_id) >= len(class_names):
        raise ValueError(
            f"class id {class_id} has no name: class_names holds {len(class_names)} names, the first for the background"
        )
    return class_names[class_id] if class_id >= 0 else f"{class_names[-class_id]} (crowd)"


def counted(number, noun):
    """`counted(1, "object")` is "1 object", `counted(2, "object")` is "2 objects"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
