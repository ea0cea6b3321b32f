"""What several tests share. A test imports it as `tests.support.<module>`, and nothing from another test.

A tiny network   engine_data (SmallConfig, the one tiny Config; drawn images), toy_training (a network that compiles in
                 a second, in the real training), stand_in_model and found_images (what a service and `detect` find)
Numbers          golden (the original engine's), rectangles (truth and detections to check on paper), setting_values
Weights          weight_files, torch_files, torch_states
What is shown    figure_reading, html_reading
Label formats    label_samples, folder_samples (one of each), converted (what came of them), tfrecord_data, datumaro_*
Old code         old_style_data (data sets as the samples of the old package write them)
Servers          image_server, real_server, fake_label_studio, label_loop, jupyter_server, chromium
Programs         collect_runs, device_runs, soak (started in ROOT: `python -m tests.support.soak`)
The project      project_copy (as a fresh clone has it), promised (whether CI must have an engine, a browser ..)

Of each process of the tests TensorFlow is imported once, and a network that several tests of a file look at is a
fixture of that file: building and tracing networks is most of the suite's time.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]  # of the project; programs that import `tests.support` start there
GOLDEN = ROOT / "tests" / "golden"
