"""Results in TensorBoard, beside the curves of the training."""

from pathlib import Path

from mrcnn.data.image import decode_image
from mrcnn.extras import needs
from mrcnn_ext.common.html_page import png_bytes
from mrcnn_ext.evaluation.figures import figures_of
from mrcnn_ext.evaluation.images import told, worst_pixels
from mrcnn_ext.evaluation.report import NAMES

WORST = 4  # images


def write_tensorboard(result) -> Path:
    """Numbers, figures and the worst images of a RunResult into the run's folder, at the step of the run's epoch.

    Returns the folder. Raises OSError where it cannot be written.
    """
    with needs("cpu"):
        import tensorflow as tf  # also beside another backend: only its event writer is used

    folder = result.folder / f"evaluation_{result.subset}"
    try:
        writer = tf.summary.create_file_writer(str(folder))
        with writer.as_default(step=result.epoch):
            for name, value in _numbers(result).items():
                tf.summary.scalar(name, value)
            for name, (figure, caption) in figures_of(result.analysis).items():
                tf.summary.image(name, decode_image(png_bytes(figure), name)[None], description=caption)
            for rank, one in enumerate(result.analysis.mistakes[:WORST], 1):
                tf.summary.image(f"worst/{rank}", worst_pixels(result, one)[None], description=told(result, one))
        writer.close()
    except tf.errors.OpError as error:
        raise OSError(f"{folder}: {error.message}") from error
    return folder


def _numbers(result) -> dict[str, float]:
    kinds = [kind for kind in NAMES if kind in result.evaluation]
    numbers = {
        f"{NAMES[kind]}_{key}": result.evaluation[kind][key] for kind in kinds for key in ("AP", "AP50", "AP75", "AR")
    }
    costs = result.analysis.errors["cost"].items()
    numbers |= {f"error_cost/{error.replace(' ', '_')}": cost for error, cost in costs}
    return numbers | {"calibration_error": result.analysis.calibration["ece"]}
