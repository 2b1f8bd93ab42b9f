"""Compiles the HLSL of all shaders to DXIL with Microsoft's compiler, through its COM interface.

    dxc.py LIBRARY SHADERS true|false      true: also the settings that only tuning tries
"""

import ctypes
import json
import multiprocessing
import pathlib
import sys
import uuid

POINTER = ctypes.c_void_p
# IUnknown of this build has a virtual destructor, which takes two places behind its three methods.
FIRST = 5
COMPILE, GET_STATUS, GET_OUTPUT, BLOB_POINTER, BLOB_SIZE, RELEASE = FIRST, FIRST, FIRST + 4, FIRST, FIRST + 1, 2
OBJECT, ERRORS = 1, 2
UTF8 = 65001
ARGUMENTS = ["-E", "main", "-T", "cs_6_2", "-enable-16bit-types", "-HV", "2018"]


class Guid(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_ubyte * 16)]

    def __init__(self, text):
        super().__init__((ctypes.c_ubyte * 16)(*uuid.UUID(text).bytes_le))


class Source(ctypes.Structure):
    _fields_ = [("text", ctypes.c_char_p), ("bytes", ctypes.c_size_t), ("encoding", ctypes.c_uint)]


COMPILER = Guid("73e22d93-e6ce-47f3-b5bf-f0664f39c1b0")
I_COMPILER = Guid("228b4687-5a6a-4730-900c-9702b2203f54")
I_RESULT = Guid("58346cda-dde7-4497-9461-6f87af5e0659")
I_BLOB = Guid("8ba5fb08-5195-40e2-ac58-0d989c3a0102")


def call(this, place, result, *arguments):
    """Calls the method at this place of an object's table."""
    table = ctypes.cast(this, ctypes.POINTER(ctypes.POINTER(POINTER))).contents
    types = [ctypes.c_uint32 if isinstance(a, int) else POINTER for a in arguments]
    return ctypes.CFUNCTYPE(result, POINTER, *types)(table[place])(this, *arguments)


def output(result, kind):
    blob = POINTER()
    call(result, GET_OUTPUT, ctypes.c_int32, kind, ctypes.byref(I_BLOB), ctypes.byref(blob), None)
    if not blob:
        return b""
    data = ctypes.string_at(call(blob, BLOB_POINTER, POINTER), call(blob, BLOB_SIZE, ctypes.c_size_t))
    call(blob, RELEASE, ctypes.c_ulong)
    return data


def compile_hlsl(library, text):
    """What is wrong with a text, or None."""
    compiler, result = POINTER(), POINTER()
    if library.DxcCreateInstance(ctypes.byref(COMPILER), ctypes.byref(I_COMPILER), ctypes.byref(compiler)):
        return "the compiler does not start"
    source = Source(text, len(text), UTF8)
    arguments = (ctypes.c_wchar_p * len(ARGUMENTS))(*ARGUMENTS)
    call(compiler, COMPILE, ctypes.c_int32, ctypes.byref(source), arguments, len(ARGUMENTS), None, ctypes.byref(I_RESULT), ctypes.byref(result))
    status = ctypes.c_int32(-1)
    call(result, GET_STATUS, ctypes.c_int32, ctypes.byref(status))
    errors, code = output(result, ERRORS), output(result, OBJECT)
    call(result, RELEASE, ctypes.c_ulong)
    call(compiler, RELEASE, ctypes.c_ulong)
    if status.value == 0 and code[:4] == b"DXBC":
        return None
    return errors.decode(errors="replace").strip() or f"status {status.value:#x} and no DXIL"


LIBRARY = None


def start(path):
    global LIBRARY
    LIBRARY = ctypes.CDLL(path)


def check(job):
    name, file = job
    return name, compile_hlsl(LIBRARY, pathlib.Path(file).read_bytes())


def main():
    library, folder, every = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3] == "true"
    index = json.loads((folder / "index.json").read_text())
    jobs = [(e["name"], str(folder / e["files"]["hlsl"])) for e in index if "hlsl" in e["files"] and (every or e["usual"])]
    with multiprocessing.Pool(initializer=start, initargs=(library,)) as pool:
        told = pool.map(check, jobs, chunksize=4)
    problems = [(name, problem) for name, problem in told if problem]
    for name, problem in problems:
        print(f"{name}: {problem.splitlines()[0]}")
    print(f"{len(jobs)} shaders, {len(problems)} refused")
    sys.exit(1 if problems else 0)


main()
