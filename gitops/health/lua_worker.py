"""Runs health scripts in Lua, one request of JSON per line, one line of answer per object.

Run as a program of its own by ``lua_rules``: a script may loop for ever or fill the memory, and
nothing inside a process can stop that. A request is ``{"script", "open_libraries", "now",
"objects"}``, each object a text of JSON; an answer is ``{"status", "message"}`` or ``{"error":
text}``. A script that takes too long ends the process by ``SIGPROF``, whatever it is doing.

ArgoCD runs scripts with gopher-lua, which is Lua 5.1 with the ``goto`` of 5.2; so is LuaJIT.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any

MEMORY = 1 << 30
SCRIPT_MEMORY = 128 << 20
NO_LUA = 3
SECONDS = 1.0  # of processor time, so that a busy machine stops no script; ArgoCD's limit is 1 s
_STATUSES = {"Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"}
_DEEPEST = 200
_TOO_DEEP = "the object is nested too deeply"
_NO_JSON = "the object is nested too deeply, or holds what JSON has no form for"

# Whatever is not named here is gone before the script runs: io, debug, package, load and its like,
# string.dump, ffi, and the table through which lupa lets Lua call Python.
_SANDBOX = b"""
local open, now = ...
local function keep(library, names)
  local kept = {}
  for name in names:gmatch('%S+') do kept[name] = library[name] end
  return kept
end
local globals, date, pairs, ipairs = _G, os.date, pairs, ipairs
local safe = keep(globals, 'assert error getmetatable ipairs next pairs pcall rawequal rawget ' ..
  'rawset select setmetatable tonumber tostring type unpack xpcall _VERSION')
safe.table, safe.math = table, math
safe.string = string
safe.string.dump = nil
safe.os = keep(os, open and 'clock difftime' or '')
local time = os.time
safe.os.time = function(at) if at == nil then return now end return time(at) end
safe.os.date = function(format, at) return date(format or '%c', at or now) end
if open then safe.coroutine = coroutine end
safe.print = function() end
local modules = {table = table, math = math, string = string, os = safe.os}
safe.require = function(name)
  return modules[name] or error("there is no module '" .. tostring(name) .. "'", 0)
end
local names = {}
for name in pairs(globals) do names[#names + 1] = name end
for _, name in ipairs(names) do globals[name] = nil end
for name, value in pairs(safe) do globals[name] = value end
globals._G = globals
"""
# the last value a script returns counts, as in ArgoCD; no metatable of the script's is asked
_CALL = b"""
local script, rawget, type, select, tostring = ...
return function()
  local function last(...) return (select(select('#', ...), ...)) end
  local function result(...)
    if select('#', ...) == 0 then return 'nothing' end
    local found = last(...)
    if type(found) ~= 'table' then return type(found) end
    return 'table', rawget(found, 'status'), rawget(found, 'message')
  end
  return result(script())
end
"""


def main() -> None:
    """Answer until the input ends."""
    os.environ.clear()
    os.environ["TZ"] = "UTC"
    try:
        lua = importlib.import_module("lupa.luajit21")  # it has no types
    except ImportError:
        sys.exit(NO_LUA)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # whoever starts us may have ignored it
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        request = json.loads(line)
        for live in request["objects"]:
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            answer = _answer(lua, request, live)
            signal.setitimer(signal.ITIMER_PROF, 0)
            print(json.dumps(answer), flush=True)


def _answer(lua: Any, request: Mapping[str, Any], live: str) -> dict[str, str]:
    try:
        return _run(lua, request, json.loads(live)) if live else {"error": _NO_JSON}
    except (lua.LuaMemoryError, MemoryError):
        return {"error": f"took more than {SCRIPT_MEMORY >> 20} MiB"}
    except RecursionError:
        return {"error": _TOO_DEEP}
    except (lua.LuaError, ValueError) as error:
        return {"error": _told(error)}


def _run(lua: Any, request: Mapping[str, Any], live: Any) -> dict[str, str]:
    """A state of its own for every object: what a script leaves behind reaches no other."""
    runtime = lua.LuaRuntime(
        encoding=None,
        unpack_returned_tuples=True,
        register_eval=False,
        register_builtins=False,
        max_memory=SCRIPT_MEMORY,
    )
    parts = [runtime.globals()[name] for name in (b"rawget", b"type", b"select", b"tostring")]
    script = runtime.compile(request["script"].encode("utf-8", "surrogatepass"), b"=health.lua")
    runtime.globals()[b"obj"] = None
    runtime.execute(_SANDBOX, request["open_libraries"], request["now"])
    runtime.globals()[b"obj"] = runtime.table_from(_plain(live, 0), recursive=True)
    found = runtime.execute(_CALL, script, *parts)()
    return _read(found if isinstance(found, tuple) else (found,))


def _read(found: Sequence[Any]) -> dict[str, str]:
    if found[0] != b"table":
        return {"error": f"returned {found[0].decode()}, not a table with a status"}
    status, message = found[1], found[2]
    if not isinstance(status, bytes):
        return {"error": "returned a table without a status"}
    word = status.decode("utf-8", "replace")
    if word not in _STATUSES:
        return {"error": f"returned the status '{word[:40]}', which is none"}
    if message is not None and not isinstance(message, bytes):
        return {"error": "returned a message that is no text"}
    return {"status": word, "message": (message or b"").decode("utf-8", "replace")}


def _plain(value: Any, depth: int) -> Any:
    """What Lua has for a value of JSON: bytes for text, doubles for numbers, no null."""
    if depth > _DEEPEST:
        raise ValueError(_TOO_DEEP)
    if isinstance(value, dict):
        return {
            _plain(name, depth): _plain(inner, depth + 1)
            for name, inner in value.items()
            if inner is not None
        }
    if isinstance(value, list):
        return [_plain(inner, depth + 1) for inner in value if inner is not None]
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < 1 << 53 else _double(value)
    return value


def _double(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _told(error: Exception) -> str:
    """The first line of an error, without the name lupa gives the script."""
    given = error.args[0] if error.args else ""
    text = given.decode("utf-8", "replace") if isinstance(given, bytes) else str(given)
    return text.partition("\n")[0].replace('[string "health.lua"]', "health.lua") or "failed"


if __name__ == "__main__":
    main()
