"""Physical coding sublayer: line code, block lock, deskew, frames."""
