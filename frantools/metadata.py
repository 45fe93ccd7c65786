"""placeholder"""

from pathlib import Path

from PIL.PngImagePlugin import PngImageFile

KEY = "frantools"


def read_text(path):
    if not Path(path).exists():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with PngImageFile(path) as image:
            text = image.info
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{path} is not a readable PNG ({error}); recipes are in PNG files of FranTools") from None
    if KEY not in text:
        raise ValueError(f"{path} has no recipe; recipes are in PNG files that FranTools wrote")
    return text[KEY]
