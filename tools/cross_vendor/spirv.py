"""Validates the SPIR-V of all shaders; known faults of naga are repaired and everything else about those modules validated, too.

    spirv.py SHADERS known-faults.json VALIDATOR [ARG ...]
"""

import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

OP_TYPE_ARRAY, OP_TYPE_STRUCT, OP_TYPE_POINTER, OP_DECORATE = 28, 30, 32, 71
WORKGROUP, ARRAY_STRIDE = 4, 6


def instructions(words):
    at = 5
    while at < len(words):
        length = words[at] >> 16
        yield at, words[at] & 0xFFFF, words[at + 1 : at + length]
        at += length


def without_workgroup_strides(module):
    """The module without ArrayStride on types that only workgroup memory uses."""
    words = struct.unpack(f"<{len(module) // 4}I", module)
    parts, pointees = {}, {True: [], False: []}
    for _, op, operands in instructions(words):
        if op == OP_TYPE_ARRAY:
            parts[operands[0]] = [operands[1]]
        elif op == OP_TYPE_STRUCT:
            parts[operands[0]] = list(operands[1:])
        elif op == OP_TYPE_POINTER:
            pointees[operands[1] == WORKGROUP].append(operands[2])

    def reached(roots):
        seen, left = set(), list(roots)
        while left:
            ty = left.pop()
            if ty not in seen:
                seen.add(ty)
                left += parts.get(ty, [])
        return seen

    only = reached(pointees[True]) - reached(pointees[False])
    kept = list(words[:5])
    for at, op, operands in instructions(words):
        if not (op == OP_DECORATE and operands[1] == ARRAY_STRIDE and operands[0] in only):
            kept += words[at : at + 1 + len(operands)]
    return struct.pack(f"<{len(kept)}I", *kept)


REPAIRS = {"workgroup-strides": without_workgroup_strides}


def validate(command, folder):
    """The errors in all modules of a folder: [(file, message)]."""
    ran = subprocess.run([*command, str(folder)], capture_output=True, text=True)
    told = re.findall(r"^error: (.*?\.spv):(?:\d+: )?(.*)$", ran.stdout + ran.stderr, re.M)
    if ran.returncode and not told:
        sys.exit(f"the validator failed: {ran.stdout}{ran.stderr}")
    return [(pathlib.Path(file).name, message) for file, message in told]


def main():
    folder, faults = pathlib.Path(sys.argv[1]), json.loads(pathlib.Path(sys.argv[2]).read_text())
    command = sys.argv[3:]
    counted, problems = {}, []
    with tempfile.TemporaryDirectory() as repaired:
        for file, message in validate(command, folder):
            fault = next((f for f in faults if f["message"] in message and f["detail"] in message), None)
            if fault is None:
                problems.append((file, message))
                continue
            counted[fault["name"]] = counted.get(fault["name"], 0) + 1
            module = REPAIRS[fault["name"]]((folder / file).read_bytes())
            (pathlib.Path(repaired) / file).write_bytes(module)
        problems += validate(command, repaired) if counted else []
    print(f"{len(list(folder.glob('*.spv')))} modules")
    for fault in faults:
        seen = counted.get(fault["name"])
        print(f"known fault {fault['name']}: " + (f"{seen} modules, valid without it" if seen else "not seen any more: drop it"))
    for file, message in problems:
        print(f"{file}: {message}")
    sys.exit(1 if problems else 0)


main()
