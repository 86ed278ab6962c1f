"""What runs, and when."""

import os

# Of ML Metadata's C++ library: its log of each connection would appear between a command's lines. What goes wrong it
# raises as well. It is read when the library is loaded.
os.environ.setdefault("GLOG_minloglevel", "3")
