#!/usr/bin/env python3
"""Syncs from Python, over ctypes, with a progress line.

    sync.py LIBRARY [DATABASE]

LIBRARY is libskillsmith_sync.so.1, as a path or as the dynamic linker finds it. Ends with 0: success, 1: failed,
2: usage, 3: partial, 4: another sync is running, 130: interrupted (Ctrl-C).
"""

import concurrent.futures
import ctypes
import sys
from ctypes import POINTER, Structure, byref, c_bool, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p

ABI_VERSION = 1
OK, SYNC_IN_PROGRESS, CANCELLED = 0, 103, 104
PHASES = {1: "connecting", 2: "fetching", 3: "comparing", 4: "upserting", 5: "complete"}
PARTIAL = 4


class Text(Structure):
    _fields_ = [("data", c_void_p), ("length", c_size_t)]

    def __str__(self):
        return ctypes.string_at(self.data, self.length).decode() if self.data else "-"


class Progress(Structure):
    _fields_ = [
        ("phase", c_int32),
        ("current", c_uint64),
        ("total", c_uint64),
        ("skills_processed", c_uint64),
        ("skills_changed", c_uint64),
        ("message", c_char_p),
    ]


OnProgress = ctypes.CFUNCTYPE(c_int, c_void_p, POINTER(Progress))


class SyncOptions(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("force", c_int),
        ("dry_run", c_int),
        ("page_size", c_uint32),
        ("deadline_ms", c_uint64),
        ("on_progress", OnProgress),
        ("user_data", c_void_p),
        ("cancel", c_void_p),
    ]


class ClientOptions(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("base_url", c_char_p),
        ("anon_key", c_char_p),
        ("api_key", c_char_p),
        ("jwt_token", c_char_p),
        ("timeout_ms", c_uint64),
        ("max_retries", c_int),
        ("offline", c_int32),
    ]


class SyncResult(Structure):
    _fields_ = [
        ("success", c_bool),
        ("dry_run", c_bool),
        ("status", c_int32),
        ("code", c_int32),
        ("coverage", c_int32),
        ("skills_added", c_uint64),
        ("skills_updated", c_uint64),
        ("skills_unchanged", c_uint64),
        ("skills_rejected", c_uint64),
        ("total_processed", c_uint64),
        ("duration_ms", c_uint64),
        ("errors", POINTER(Text)),
        ("error_count", c_size_t),
        ("warnings", POINTER(Text)),
        ("warning_count", c_size_t),
    ]


class SyncConfig(Structure):
    _fields_ = [
        ("id", Text),
        ("enabled", c_bool),
        ("frequency", c_int32),
        ("interval_ms", c_int64),
        ("last_sync_at", Text),
        ("next_sync_at", Text),
        ("last_sync_count", c_int64),
        ("last_sync_error", Text),
        ("created_at", Text),
        ("updated_at", Text),
    ]


class HistoryEntry(Structure):
    _fields_ = [
        ("id", Text),
        ("started_at", Text),
        ("completed_at", Text),
        ("status", c_int32),
        ("skills_added", c_int64),
        ("skills_updated", c_int64),
        ("skills_unchanged", c_int64),
        ("error_message", Text),
        ("duration_ms", c_int64),
        ("created_at", Text),
    ]


class EngineStatus(Structure):
    _fields_ = [
        ("config", POINTER(SyncConfig)),
        ("last_run", POINTER(HistoryEntry)),
        ("is_running", c_bool),
        ("is_due", c_bool),
    ]


# Handles are opaque; each type has its own free function. Without these, ctypes would treat
# every pointer as an int of 32 bits.
FUNCTIONS = {
    "abi_version": (c_uint32,),
    "live_objects": (c_size_t,),
    "error_name": (c_char_p, c_void_p),
    "error_message": (c_char_p, c_void_p),
    "error_free": (c_int32, c_void_p),
    "cancel_token_new": (c_int32, POINTER(c_void_p), POINTER(c_void_p)),
    "cancel_token_cancel": (c_int32, c_void_p),
    "cancel_token_free": (c_int32, c_void_p),
    "database_open": (c_int32, c_char_p, c_void_p, POINTER(c_void_p), POINTER(c_void_p)),
    "database_free": (c_int32, c_void_p),
    "api_client_new": (c_int32, POINTER(ClientOptions), POINTER(c_void_p), POINTER(c_void_p)),
    "api_client_free": (c_int32, c_void_p),
    "sync_engine_new": (c_int32, c_void_p, c_void_p, POINTER(c_void_p), POINTER(c_void_p)),
    "sync_engine_sync": (c_int32, c_void_p, POINTER(SyncOptions), POINTER(POINTER(SyncResult)), POINTER(c_void_p)),
    "sync_engine_get_status": (c_int32, c_void_p, POINTER(POINTER(EngineStatus)), POINTER(c_void_p)),
    "sync_engine_free": (c_int32, c_void_p),
    "sync_result_free": (c_int32, POINTER(SyncResult)),
    "engine_status_free": (c_int32, POINTER(EngineStatus)),
}


class Failed(Exception):
    """A function of the library has failed."""


def load(path):
    """The library, with its functions declared: `library.database_open` is `skillsmith_database_open`."""
    shared = ctypes.CDLL(path)

    class Library:
        pass

    for name, (result, *arguments) in FUNCTIONS.items():
        function = getattr(shared, f"skillsmith_{name}")
        function.restype, function.argtypes = result, arguments
        setattr(Library, name, staticmethod(function))
    if Library.abi_version() != ABI_VERSION:
        raise Failed("The library is of another version than this script.")
    return Library


def call(library, function, *arguments):
    """Calls a function with its last parameter, and raises its error."""
    error = c_void_p()
    if function(*arguments, byref(error)) != OK:
        name, message = library.error_name(error), library.error_message(error)
        library.error_free(error)
        raise Failed(f"{name.decode()}: {message.decode()}")


def sync(library, engine, on_progress=None, **settings):
    """Runs a sync. Returns the result, which the caller frees; re-raises exceptions of `on_progress`."""
    raised = []

    def told(_, progress):
        # An exception must not leave a callback: ctypes would print it and return 0.
        try:
            if on_progress:
                on_progress(progress.contents)
            return 0
        except BaseException as error:
            raised.append(error)
            return 1

    # The function object must live as long as the library may call it.
    function = OnProgress(told)
    options = SyncOptions(struct_size=ctypes.sizeof(SyncOptions), on_progress=function, **settings)
    result = POINTER(SyncResult)()
    call(library, library.sync_engine_sync, engine, byref(options), byref(result))
    if raised:
        library.sync_result_free(result)
        raise raised[0]
    return result


def interruptible_sync(library, engine, on_progress):
    """Runs a sync on its own thread: Python handles Ctrl-C only on the main thread, and not inside the library."""
    token = c_void_p()
    call(library, library.cancel_token_new, byref(token))
    try:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            future = pool.submit(sync, library, engine, on_progress, cancel=token)
            try:
                return future.result()
            except KeyboardInterrupt:
                library.cancel_token_cancel(token)
                return future.result()
    finally:
        library.cancel_token_free(token)


def report(result):
    for text in result.warnings[: result.warning_count]:
        print(f"warning: {text}", file=sys.stderr)
    for text in result.errors[: result.error_count]:
        print(f"error: {text}", file=sys.stderr)
    print(f"{result.skills_added} new, {result.skills_updated} updated, {result.skills_unchanged} unchanged")
    if result.code == CANCELLED:
        return 130
    if result.code == SYNC_IN_PROGRESS:
        return 4
    if result.status == PARTIAL:
        return 3
    return 0 if result.success else 1


def print_status(status):
    config = status.config.contents
    print(f"last sync: {config.last_sync_at}, next sync: {config.next_sync_at}")
    if status.last_run:
        print(f"last run: {status.last_run.contents.id}, {status.last_run.contents.duration_ms} ms")


def show(progress):
    print(f"{PHASES.get(progress.phase)}: {progress.message.decode()}", file=sys.stderr)


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    library = load(sys.argv[1])
    path = sys.argv[2].encode() if len(sys.argv) == 3 else None
    database, client, engine = c_void_p(), c_void_p(), c_void_p()
    try:
        call(library, library.database_open, path, None, byref(database))
        call(library, library.api_client_new, None, byref(client))
        call(library, library.sync_engine_new, client, database, byref(engine))
        result = interruptible_sync(library, engine, show)
        code = report(result.contents)
        library.sync_result_free(result)
        status = POINTER(EngineStatus)()
        call(library, library.sync_engine_get_status, engine, byref(status))
        print_status(status.contents)
        library.engine_status_free(status)
        return code
    except KeyboardInterrupt:
        return 130
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        library.sync_engine_free(engine)
        library.api_client_free(client)
        library.database_free(database)


if __name__ == "__main__":
    sys.exit(main())
