"""What turns a picture into a better one, each kind behind one protocol."""
