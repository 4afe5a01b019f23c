"""Open files and descriptors. The guest reaches only the host files that the user named."""

from kernel_model.files.file import File
from kernel_model.files.host_stream import ByteSink, ByteSource, InputFile, OutputFile
from kernel_model.files.ram_file import RamFile
from kernel_model.files.status import FileStatus
from kernel_model.files.user_buffer import UserBuffer
from kernel_model.task.fd_table import Descriptor, FileTable

__all__ = [
    "ByteSink",
    "ByteSource",
    "Descriptor",
    "File",
    "FileStatus",
    "FileTable",
    "InputFile",
    "OutputFile",
    "RamFile",
    "UserBuffer",
]
