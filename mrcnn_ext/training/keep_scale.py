"""Scale of images and anchors for a training from pretrained heads: as they were trained, where there is room."""

SMALLEST_SIDE = 320  # pixels
STEP = 64


def keep_scale(result, longest: int, images_a_step) -> int:
    """Adds the settings of scale and anchors to a Suggestion.

    Args:
        result: The Suggestion, with its preset and machine.
        longest: Pixels of the longest side of the images.
        images_a_step: `suggest.images_a_step`.

    Returns:
        The longest side of a molded image, in pixels.
    """
    preset, machine = result.preset, result.machine
    side, reason = preset.IMAGE_MAX_DIM, "As the weights were trained."
    if not machine.gpus and longest < side:
        side = max(longest, SMALLEST_SIDE)
        reason = f"The weights know {preset.IMAGE_MAX_DIM} px; without a GPU images are not made larger than they are."
    if not images_a_step(preset, side, machine):
        while side > SMALLEST_SIDE and not images_a_step(preset, side, machine):
            side -= STEP
        reason = f"The weights know {preset.IMAGE_MAX_DIM} px; more than {side} px do not fit the memory."
    if side != preset.IMAGE_MAX_DIM:
        side = -(-side // STEP) * STEP
    shorter = preset.IMAGE_MIN_DIM * side // preset.IMAGE_MAX_DIM
    if preset.IMAGE_RESIZE_MODE == "square":
        shorter = min(side, -(-shorter // STEP) * STEP)
    result.add("IMAGE_MIN_DIM", shorter, reason)
    result.add("IMAGE_MAX_DIM", side, reason)
    result.add("IMAGE_RESIZE_MODE", preset.IMAGE_RESIZE_MODE, "As the weights were trained.")
    known = "As the weights were trained: what they propose is in terms of these anchors."
    result.add("RPN_ANCHOR_SCALES", preset.RPN_ANCHOR_SCALES, known)
    result.add("RPN_ANCHOR_RATIOS", preset.RPN_ANCHOR_RATIOS, known)
    return side
