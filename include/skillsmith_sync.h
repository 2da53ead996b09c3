/*
 skillsmith-sync: keeps a local Skillsmith skill database up to date with the live
 registry. For C99, C++11 and any language that can call C.

 Generated from bindings/c/src by cbindgen. Do not edit.

 A FIRST PROGRAM

    #include <stdio.h>
    #include <skillsmith_sync.h>

    int main(void) {
      skillsmith_database *database = NULL;
      skillsmith_api_client *client = NULL;
      skillsmith_sync_engine *engine = NULL;
      skillsmith_sync_result *result = NULL;
      skillsmith_error *error = NULL;
      int status = 1;

      if (skillsmith_database_open(NULL, NULL, &database, &error) == SKILLSMITH_OK &&
          skillsmith_api_client_new(NULL, &client, &error) == SKILLSMITH_OK &&
          skillsmith_sync_engine_new(client, database, &engine, &error) == SKILLSMITH_OK &&
          skillsmith_sync_engine_sync(engine, NULL, &result, &error) == SKILLSMITH_OK) {
        printf("%llu new, %llu updated\n", (unsigned long long)result->skills_added,
               (unsigned long long)result->skills_updated);
        if (result->error_count > 0) fprintf(stderr, "%s\n", result->errors[0].data);
        status = result->success ? 0 : 1;
      }
      if (error != NULL) fprintf(stderr, "%s\n", skillsmith_error_message(error));

      skillsmith_error_free(error);
      skillsmith_sync_result_free(result);
      skillsmith_sync_engine_free(engine);
      skillsmith_api_client_free(client);
      skillsmith_database_free(database);
      return status;
    }

 FINDING SKILLS, with an open database

    skillsmith_skill_repository *skills = NULL;
    skillsmith_skill_search_results *found = NULL;

    if (skillsmith_skill_repository_new(database, &skills, &error) == SKILLSMITH_OK &&
        skillsmith_skill_repository_search(skills, "git help", NULL, &found, &error) == SKILLSMITH_OK) {
      for (size_t i = 0; i < found->count; i++)
        printf("%s: %s\n", found->matches[i]->skill->id.data, found->matches[i]->skill->name.data);
      if (found->count == 0 && found->freshness->is_empty) puts("Nothing was synced yet.");
    }

    skillsmith_skill_search_results_free(found);
    skillsmith_skill_repository_free(skills);

 CALLS AND ERRORS

 A function that can fail returns a skillsmith_status: SKILLSMITH_OK (0) or the number of
 an error. Inputs come first, outputs last. An output is cleared on entry (NULL, 0, false)
 and has a value only after SKILLSMITH_OK. The last parameter, out_error, may be NULL;
 otherwise it gets an error when the function fails, and the caller frees it. A call
 overwrites out_error without freeing an earlier error: free it first, or pass another
 variable. Functions that return a value document what they return on failure.

 NULL: every *_free function accepts it and does nothing. A function documents where a
 pointer may be NULL. Anywhere else NULL fails with SKILLSMITH_NULL_ARGUMENT, and nothing
 is done.

 OWNERSHIP

 - Handles (incomplete types: skillsmith_database, skillsmith_error ...) are freed by the
   *_free function of their type. A handle is a number that looks like a pointer; it never
   points to memory. Every function, *_free included, refuses a handle that was already
   freed, is of another type or of another copy of this library in the process (a plugin
   with the static library, say), or is not a handle, with SKILLSMITH_INVALID_HANDLE. Handles
   may be freed in any order, and while another thread is in a call with them: an object
   made from another (an engine from a database) keeps what it needs.
 - Records (structures that a function returns through a pointer to a pointer, such as
   skillsmith_sync_config) are real memory, including all that they point to. They are
   read-only snapshots. Free only the record itself. Freeing it twice returns
   SKILLSMITH_INVALID_HANDLE, unless a new record has its address by then.
 - Strings returned through a char ** are freed with skillsmith_string_free, with the same
   check.
 - A const char * that a function returns is never freed. The function documents how long
   it is valid.
 - Arguments of a callback are valid until it returns. The callback never frees them.
 skillsmith_live_objects() returns the number of objects that are not freed, for leak tests.

 Input texts, file paths included, are NUL-terminated UTF-8. They are checked and copied
 before the function returns. Output texts are UTF-8. Records have skillsmith_text with a
 length, because a database may contain U+0000.

 OPTIONS

 An options structure begins with struct_size. Set it to the sizeof of the structure. Zero
 is the default of every other member (in C++ write {} for {0}):

    skillsmith_sync_options options = {0};
    options.struct_size = sizeof options;
    options.force = 1;

 Later versions add members at the end only. A library that is older than the header
 returns SKILLSMITH_INVALID_ARGUMENT if a member that it does not know is not zero.

 BLOCKING, THREADS AND CALLBACKS

 Every function may be called from any thread, and every handle may be shared between
 threads, without a lock. Functions document what they block on: the network (sync,
 manual_sync, and a client's check_health and search), or briefly the disk. A call that
 writes may wait for another writer, for at most the busy budget of its database. stop and
 free of a service wait for its thread and its callbacks, except when called from one of
 these callbacks.

 Callbacks run on these threads:
   on_progress                     the thread that called skillsmith_sync_engine_sync
   on_sync_complete, on_sync_error the service's own, or the caller of manual_sync
   health, search, sync_registry   a thread of the engine, created for the run
   destroy                         the thread that used the object last
 No lock is held and no transaction is open meanwhile. A callback may call any function of
 this library, and free any handle. It must return. A C++ exception that leaves it ends the
 process (abort). After a longjmp or pthread_exit out of it nothing is promised: the run that
 called it never ends, so its database can be synced no more by this process. Its user data
 must be safe to use on these threads.

 A call needs less than 32 KiB of stack, or less than 128 KiB in a library that is not optimized
 (bindings/c/build --profile quick, cargo build), and what its callbacks need on top of that.

 The destructors of thread-specific data (pthread_key_create) may call every function, in
 any of their rounds. From the second round on, a few hundred bytes of the thread's own are
 not freed then.

 ThreadSanitizer does not see the locks inside this library, which is not built with it,
 and reports races that are none. Link the shared library, and give it the suppression
 race:libskillsmith_sync.

 A host whose callbacks need a lock of an interpreter, as those of Ruby and Python do, must
 not hold that lock while it calls a function that waits for callbacks.

 Threads of the library are named skillsmith-... and inherit the signal mask of the thread
 that created them. None keeps the process alive once main returns or exit is called: a
 program may end at any time and loses nothing; the next sync continues. A main thread that
 ends by pthread_exit leaves the process to its other threads, those of the library among
 them: free the services first.

 A thread that pthread_cancel asks to end does so after its call: cancellation is disabled
 in every function and in the callbacks that it calls, which must not enable it, and as it
 was afterwards. To end the call itself, use a cancel token. Threads of the library are never
 cancelled. Asynchronous cancellation (PTHREAD_CANCEL_ASYNCHRONOUS) is not for threads that
 call this library.

 ENVIRONMENT

 Functions read environment variables on the thread that calls them; what a client and a
 service need of them is read when they are created. The threads of the library read none,
 so that a host may change its environment while they run, as far as its own threads allow
 it. The system itself may read some of its own, to look up names.

 SIGNALS

 skillsmith_cancel_token_raise and skillsmith_abi_version are the only functions that a
 signal handler may call. The library installs no handlers and changes no dispositions. A
 host with a file size limit (ulimit -f) must ignore SIGXFSZ itself, so that a write beyond
 the limit fails with SKILLSMITH_IO_ERROR. The library never writes to stdout or stderr and
 never ends the process: a bug in it becomes SKILLSMITH_INTERNAL.

 OUT OF MEMORY

 When memory runs out, a call fails with SKILLSMITH_OUT_OF_MEMORY, and a run ends with that
 code. What was written is kept, and the same call works again once memory is available.
 The library has a reserve of 6.5 MB for handling this, which uses no memory before it is
 needed. Two cases still end the process: other code takes the memory between the library's
 check and its use, so that more than the reserve, or more than 512 KB in one piece, is
 missing; or the runtimes of C and Rust lack the few dozen bytes for a new thread. A system
 that overcommits memory (Linux, usually) may also end the process without a failed
 allocation.

 FORK

 A child made by fork() without exec cannot use the handles of its parent: calls with them
 return SKILLSMITH_OPENED_BEFORE_FORK, and freeing objects of the parent is refused. It may
 open and create its own. The parent is not affected.

 UNLOADING

 dlclose does not unload the shared library: a request of a cancelled run may still be
 ending on its own thread. A plugin that contains the static library must not be unloaded
 either (link it with -z nodelete). Link it with -Wl,--exclude-libs,ALL, too: otherwise the
 plugin exports the functions of this library, and another copy of them in the process may
 be called instead.

 ANOTHER SQLITE IN THE PROCESS

 A program that has the same database open through its own SQLite may keep using it while
 this library opens, syncs and closes it. Neither loses a commit or a lock to the other. On
 a system without the necessary locks, opening such a file fails with
 SKILLSMITH_DATABASE_IN_USE (310). The library does not export its own SQLite.

 STABILITY

 SKILLSMITH_ABI_VERSION increases with every change that breaks compiled programs. Within
 one version, functions, options and error numbers are only added, and records grow only at
 their end: do not rely on their size, copy them or put them into arrays. Check at startup
 that skillsmith_abi_version() == SKILLSMITH_ABI_VERSION.
 */

#ifndef SKILLSMITH_SYNC_H
#define SKILLSMITH_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SKILLSMITH_VERSION_MAJOR 0
#define SKILLSMITH_VERSION_MINOR 1
#define SKILLSMITH_VERSION_PATCH 0
#define SKILLSMITH_VERSION_NUMBER 1000
#define SKILLSMITH_VERSION "0.1.0"
/* Compare with skillsmith_abi_version(). */
#define SKILLSMITH_ABI_VERSION 1

/*
 Status of a call: `SKILLSMITH_OK`, or the number of an error.

 The hundreds give the area: 1xx the caller, 2xx the network, 3xx the database, 4xx the
 registry's protocol, 9xx this library. Numbers never change their meaning. Later versions
 may add numbers, so a `switch` needs a `default`.
 */
enum skillsmith_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /* Success. */
  SKILLSMITH_OK = 0,
  /* An argument is invalid. Nothing was changed. */
  SKILLSMITH_INVALID_ARGUMENT = 101,
  /* The history has no entry with this run id. */
  SKILLSMITH_RUN_NOT_FOUND = 102,
  /* Another sync of this database is running, in this process or another. */
  SKILLSMITH_SYNC_IN_PROGRESS = 103,
  /* The caller cancelled the run. */
  SKILLSMITH_CANCELLED = 104,
  /* The caller closed the database. */
  SKILLSMITH_DATABASE_CLOSED = 105,
  /* The handle belongs to the process that this one was forked from. */
  SKILLSMITH_OPENED_BEFORE_FORK = 106,
  /* A callback or the registry of the host failed. */
  SKILLSMITH_HOST_ERROR = 107,
  /* A required pointer is NULL. */
  SKILLSMITH_NULL_ARGUMENT = 108,
  /* The handle, string or record is invalid or was already freed. */
  SKILLSMITH_INVALID_HANDLE = 109,
  /* Offline mode is on. */
  SKILLSMITH_OFFLINE = 201,
  /* The registry reports that it is unhealthy, or its health check failed. */
  SKILLSMITH_API_UNHEALTHY = 202,
  /* The connection failed or broke off. */
  SKILLSMITH_NETWORK_UNREACHABLE = 203,
  /* A request timed out. */
  SKILLSMITH_NETWORK_TIMEOUT = 204,
  /* The registry limits the rate of requests; the error has the time of the next attempt. */
  SKILLSMITH_RATE_LIMITED = 205,
  /* The plan's monthly quota is used up. */
  SKILLSMITH_QUOTA_EXCEEDED = 206,
  /* A key is missing or wrong. */
  SKILLSMITH_UNAUTHORIZED = 207,
  /* The key does not give access. */
  SKILLSMITH_FORBIDDEN = 208,
  /* The registry failed (HTTP 408 or 5xx). */
  SKILLSMITH_SERVER_ERROR = 209,
  /* The run reached its deadline before the end of the listing. */
  SKILLSMITH_RUN_DEADLINE = 210,
  /* The caller's plan does not give access to the listing. */
  SKILLSMITH_PLAN_REQUIRED = 211,
  /* The sign-in has expired: its token was refused, and there is no other one. */
  SKILLSMITH_SIGN_IN_EXPIRED = 212,
  /* Another error of SQLite. */
  SKILLSMITH_DATABASE_ERROR = 301,
  /* Another connection held the write lock for longer than the busy budget. */
  SKILLSMITH_DATABASE_BUSY = 302,
  /* The file is not an SQLite database. It was not changed. */
  SKILLSMITH_NOT_A_DATABASE = 303,
  /* The file is a damaged SQLite database. It was not changed. */
  SKILLSMITH_DATABASE_DAMAGED = 304,
  /* The database belongs to another program. It was not changed. */
  SKILLSMITH_NOT_SKILLSMITH = 305,
  /* The operating system denies access to the file. */
  SKILLSMITH_PERMISSION_DENIED = 306,
  /* The database was opened read-only. */
  SKILLSMITH_READ_ONLY = 307,
  /* The disk is full. */
  SKILLSMITH_DISK_FULL = 308,
  /* Another error of the file system. */
  SKILLSMITH_IO_ERROR = 309,
  /*
   Another SQLite in this process has the file open, and this system cannot isolate the
   two.
   */
  SKILLSMITH_DATABASE_IN_USE = 310,
  /*
   Another program replaced, moved or deleted the file while it was in use. The next call uses
   the file that is there then.
   */
  SKILLSMITH_DATABASE_REPLACED = 311,
  /* Too many files are open in this process or system. */
  SKILLSMITH_TOO_MANY_FILES = 312,
  /* The registry sent an invalid response. */
  SKILLSMITH_PROTOCOL_ERROR = 401,
  /* The registry refused the request. */
  SKILLSMITH_REQUEST_REFUSED = 402,
  /* The registry redirects to another address. The redirect was not followed. */
  SKILLSMITH_REDIRECT_REFUSED = 403,
  /* The response is too large. */
  SKILLSMITH_RESPONSE_TOO_LARGE = 404,
  /* A bug in this library. Please report it. */
  SKILLSMITH_INTERNAL = 901,
  /* Out of memory, or out of threads. */
  SKILLSMITH_OUT_OF_MEMORY = 902,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum skillsmith_status skillsmith_status;
#else
typedef int32_t skillsmith_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/* How often a sync becomes due. */
enum skillsmith_sync_frequency
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /* In options only: unchanged. */
  SKILLSMITH_SYNC_FREQUENCY_DEFAULT = 0,
  /* Every 24 hours (86400000 ms). */
  SKILLSMITH_SYNC_FREQUENCY_DAILY = 1,
  /* Every 7 days (604800000 ms). */
  SKILLSMITH_SYNC_FREQUENCY_WEEKLY = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum skillsmith_sync_frequency skillsmith_sync_frequency;
#else
typedef int32_t skillsmith_sync_frequency;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/* Status of a run. */
enum skillsmith_sync_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /* Running. */
  SKILLSMITH_SYNC_STATUS_RUNNING = 1,
  /* Every valid row of the registry is stored. */
  SKILLSMITH_SYNC_STATUS_SUCCESS = 2,
  /* Ended early or did not start. What was written is kept. */
  SKILLSMITH_SYNC_STATUS_FAILED = 3,
  /* Partially successful; the message says what failed. */
  SKILLSMITH_SYNC_STATUS_PARTIAL = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum skillsmith_sync_status skillsmith_sync_status;
#else
typedef int32_t skillsmith_sync_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/* Whether the run read the whole listing. */
enum skillsmith_coverage
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /* The whole listing was read. */
  SKILLSMITH_COVERAGE_COMPLETE = 1,
  /*
   Skills may be missing: the registry allows only searches, or the listing changed
   while it was read.
   */
  SKILLSMITH_COVERAGE_BEST_EFFORT = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum skillsmith_coverage skillsmith_coverage;
#else
typedef int32_t skillsmith_coverage;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/* How important a message is. A later version may have more levels. */
enum skillsmith_log_level
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /* Something failed. */
  SKILLSMITH_LOG_WARNING = 1,
  /* The beginning and end of a sync, and waits. */
  SKILLSMITH_LOG_INFO = 2,
  /* Every request, page and batch. */
  SKILLSMITH_LOG_DEBUG = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum skillsmith_log_level skillsmith_log_level;
#else
typedef int32_t skillsmith_log_level;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/* Health of a registry. */
enum skillsmith_health
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /* The registry was not asked. */
  SKILLSMITH_HEALTH_UNKNOWN = 0,
  /* The registry serves requests. */
  SKILLSMITH_HEALTH_HEALTHY = 1,
  /* The registry serves requests, with problems. */
  SKILLSMITH_HEALTH_DEGRADED = 2,
  /* The registry reports that it does not serve requests. */
  SKILLSMITH_HEALTH_UNHEALTHY = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum skillsmith_health skillsmith_health;
#else
typedef int32_t skillsmith_health;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 Phase of a run.

 The phases first appear in this order. Fetching and upserting then alternate, because
 each page is written when it arrives.
 */
enum skillsmith_sync_phase
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /* Checking the health of the registry. */
  SKILLSMITH_SYNC_PHASE_CONNECTING = 1,
  /* Reading pages. */
  SKILLSMITH_SYNC_PHASE_FETCHING = 2,
  /* Comparing rows with the database. */
  SKILLSMITH_SYNC_PHASE_COMPARING = 3,
  /* Writing. */
  SKILLSMITH_SYNC_PHASE_UPSERTING = 4,
  /* Done: the last phase of every run that read the whole listing. */
  SKILLSMITH_SYNC_PHASE_COMPLETE = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum skillsmith_sync_phase skillsmith_sync_phase;
#else
typedef int32_t skillsmith_sync_phase;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/* A switch with a default. 0 is not "off". */
enum skillsmith_switch
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /* The value without this option. */
  SKILLSMITH_SWITCH_DEFAULT = 0,
  /* On. */
  SKILLSMITH_SWITCH_ON = 1,
  /* Off. */
  SKILLSMITH_SWITCH_OFF = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum skillsmith_switch skillsmith_switch;
#else
typedef int32_t skillsmith_switch;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/* Which listings of a registry may be used. */
enum skillsmith_listing
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /*
   What the environment variable `SKILLSMITH_LISTING` says (`auto` or `search`), else
   `SKILLSMITH_LISTING_AUTO`.
   */
  SKILLSMITH_LISTING_DEFAULT = 0,
  /*
   The sync endpoint or, if the registry has none, its search. If it reserves the endpoint
   for some plans, the run fails with `PLAN_REQUIRED`.
   */
  SKILLSMITH_LISTING_AUTO = 1,
  /* Only its search: for a registry of your own, or where you are allowed to use it. */
  SKILLSMITH_LISTING_SEARCH = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum skillsmith_listing skillsmith_listing;
#else
typedef int32_t skillsmith_listing;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 An HTTP client for the live registry.

 Any thread may use it, and several engines may share it.
 */
typedef struct skillsmith_api_client skillsmith_api_client;

/*
 Syncs in the background: while started, when syncing is enabled and due, with a backoff
 after a failure.

 Any thread may use it.
 */
typedef struct skillsmith_background_sync_service skillsmith_background_sync_service;

/*
 Cancels the calls that it is passed to. A cancelled token cannot be used again.

 Several calls may share a token; cancelling it ends all of them.
 */
typedef struct skillsmith_cancel_token skillsmith_cancel_token;

/*
 An open database.

 Any thread may use it; short calls wait for each other. A sync uses its own connection,
 so short calls never wait for a whole run. Repositories, engines and services made from
 it keep it open after its handle is freed.
 */
typedef struct skillsmith_database skillsmith_database;

/*
 An error: a code, a message for the person who has to act on it, and details.

 Written to the last parameter of a function that fails, unless that is NULL. No message
 contains a credential.
 */
typedef struct skillsmith_error skillsmith_error;

/*
 A registry that the host implements with callbacks.

 Any thread may use it, and several engines may share it.
 */
typedef struct skillsmith_registry skillsmith_registry;

/*
 One call of a registry callback. The callback passes its response to it and asks it
 whether the call was cancelled.

 Valid until the callback returns; any thread may use it until then.
 */
typedef struct skillsmith_registry_call skillsmith_registry_call;

/*
 Reads the skills of a database.

 Any thread may use it. Every call is short and blocks on the disk only.
 */
typedef struct skillsmith_skill_repository skillsmith_skill_repository;

/*
 Reads and changes the configuration of a database.

 Any thread may use it. Every call is short and blocks on the disk only.
 */
typedef struct skillsmith_sync_config_repository skillsmith_sync_config_repository;

/*
 Brings a database up to date with a registry.

 Any thread may use it. Only one sync runs on a database at a time, across all engines
 and processes; a second one fails at once.
 */
typedef struct skillsmith_sync_engine skillsmith_sync_engine;

/*
 Reads and writes the history of a database.

 Any thread may use it. Every call is short and blocks on the disk only.
 */
typedef struct skillsmith_sync_history_repository skillsmith_sync_history_repository;

/*
 One call of a token callback. The callback provides its token through it, and checks
 whether the token is still needed.

 Valid until the callback returns; any thread may use it until then.
 */
typedef struct skillsmith_token_call skillsmith_token_call;

/* Options for opening a database. A zero member means its default. */
typedef struct skillsmith_open_options {
  /* `sizeof(skillsmith_open_options)`. */
  size_t struct_size;
  /*
   Not 0: open the file read-only; it must exist. Default: 0.

   SQLite may leave an empty `-wal` and `-shm` beside a file in WAL mode that is not
   open elsewhere: it cannot delete them without write access.
   */
  int read_only;
  /*
   Milliseconds that a short call waits while another program writes, before it fails
   with `DATABASE_BUSY`. Negative: it does not wait. Default: 5000.
   */
  int64_t busy_budget_ms;
} skillsmith_open_options;

/*
 A text inside a record.

 The layout of this structure never changes.
 */
typedef struct skillsmith_text {
  /* NUL-terminated UTF-8, or NULL if there is no text. Owned by the record. */
  const char *data;
  /*
   Length in bytes, without the terminating NUL. A text in a database may contain
   U+0000; `strlen(data)` is shorter then.
   */
  size_t length;
} skillsmith_text;

/*
 A snapshot of the configuration.

 Times are ISO 8601 text, as stored in the database.
 */
typedef struct skillsmith_sync_config {
  /* Always "default". */
  struct skillsmith_text id;
  /* Whether automatic syncing is enabled. */
  bool enabled;
  /* How often. */
  skillsmith_sync_frequency frequency;
  /* Milliseconds between two syncs. */
  int64_t interval_ms;
  /* When the last complete sync started; none before the first. */
  struct skillsmith_text last_sync_at;
  /* When the next sync is due; none means now. */
  struct skillsmith_text next_sync_at;
  /* Number of skills that the last complete sync added or updated. */
  int64_t last_sync_count;
  /* Error of the last sync; none if it succeeded. */
  struct skillsmith_text last_sync_error;
  /* When the row was created, in the format of SQLite (UTC). */
  struct skillsmith_text created_at;
  /* When the row was last changed, in the format of SQLite (UTC). */
  struct skillsmith_text updated_at;
} skillsmith_sync_config;

/*
 Changes for `skillsmith_sync_config_repository_update_config`. A zero member leaves the
 setting unchanged.
 */
typedef struct skillsmith_sync_config_update {
  /* `sizeof(skillsmith_sync_config_update)`. */
  size_t struct_size;
  /* Enables or disables automatic syncing. */
  skillsmith_switch enabled;
  /* Changes the frequency and reschedules the next sync. */
  skillsmith_sync_frequency frequency;
} skillsmith_sync_config_update;

/* Counters of a run, for its history entry. */
typedef struct skillsmith_sync_run_result {
  /* `sizeof(skillsmith_sync_run_result)`. */
  size_t struct_size;
  /* Number of skills added. */
  uint64_t skills_added;
  /* Number of skills updated. */
  uint64_t skills_updated;
  /* Number of skills that had not changed. */
  uint64_t skills_unchanged;
  /* Number of withdrawn skills that were removed. */
  uint64_t skills_removed;
} skillsmith_sync_run_result;

/*
 A snapshot of one entry of the history.

 Times are ISO 8601 text, as stored in the database.
 */
typedef struct skillsmith_sync_history_entry {
  /* `sync-YYYYMMDDHHMMSS-` and six random characters. */
  struct skillsmith_text id;
  /* When the run started. */
  struct skillsmith_text started_at;
  /* When the run ended; none while it is running. */
  struct skillsmith_text completed_at;
  /* Status of the run. */
  skillsmith_sync_status status;
  /* Number of skills added. */
  int64_t skills_added;
  /* Number of skills updated. */
  int64_t skills_updated;
  /* Number of skills that had not changed. */
  int64_t skills_unchanged;
  /* Error of the run; none if there was none. */
  struct skillsmith_text error_message;
  /* Duration in milliseconds; -1 while the run is running. */
  int64_t duration_ms;
  /* When the entry was created, in the format of SQLite (UTC). */
  struct skillsmith_text created_at;
  /* Number of withdrawn skills that were removed. */
  int64_t skills_removed;
  /*
   Code of `error_message`, where it is known: of the newest hundred runs that this library
   ended with an error; `SKILLSMITH_OK` in every other entry.
   */
  skillsmith_status code;
} skillsmith_sync_history_entry;

/* Entries of the history. */
typedef struct skillsmith_sync_history_list {
  /*
   `count` pointers; NULL if there are none. The entries belong to the list and are not
   freed separately.
   */
  const struct skillsmith_sync_history_entry *const *entries;
  /* Number of entries. */
  size_t count;
} skillsmith_sync_history_list;

/* Statistics of the whole history. */
typedef struct skillsmith_sync_stats {
  /* Number of entries. */
  int64_t total_runs;
  /* Number of successful runs. */
  int64_t successful_runs;
  /* Number of failed runs. */
  int64_t failed_runs;
  /* When the last successful run ended; none if there is none. */
  struct skillsmith_text last_success_at;
  /* Mean duration of successful runs in milliseconds, rounded; -1 if there are none. */
  int64_t average_duration_ms;
} skillsmith_sync_stats;

/* A snapshot of a skill in the database. */
typedef struct skillsmith_skill {
  /* Id of the skill in the registry. */
  struct skillsmith_text id;
  /* The name. */
  struct skillsmith_text name;
  /* Description of the skill. */
  struct skillsmith_text description;
  /* Author of the skill. */
  struct skillsmith_text author;
  /* URL of its repository. */
  struct skillsmith_text repo_url;
  /* Whether it has a score. */
  bool has_quality_score;
  /* Quality score from 0 to 1; 0 if it has none. */
  double quality_score;
  /* Trust tier; "unknown" if none is stored. */
  struct skillsmith_text trust_tier;
  /* Its tags; NULL if it has none. */
  const struct skillsmith_text *tags;
  /* Number of tags. */
  size_t tag_count;
  /* When the skill was created, as stored. */
  struct skillsmith_text created_at;
  /* When the skill was last changed, as stored. */
  struct skillsmith_text updated_at;
  /* Whether the skill can be installed; false if nothing is stored. */
  bool installable;
  /* Whether a security scan, the registry's or the host's, gave it a risk score. */
  bool has_risk_score;
  /* Risk score from 0 to 100; 0 if it has none. */
  int64_t risk_score;
  /* Number of findings of the security scan. */
  int64_t security_findings_count;
  /* When the security scan ran, as stored; none before the scan. */
  struct skillsmith_text security_scanned_at;
  /* Whether the security scan has a verdict. */
  bool has_security_verdict;
  /* Whether the skill passed the scan; false if there is no verdict. */
  bool security_passed;
} skillsmith_skill;

/*
 How complete and how old the skills of a database are, so that a database that is empty or
 old is not taken for "no match".
 */
typedef struct skillsmith_freshness {
  /* Whether there is no skill at all. */
  bool is_empty;
  /*
   When the last whole listing of the registry ended or, where another program has synced,
   when its last sync began, in ISO 8601; none if there was none.
   */
  struct skillsmith_text listed_at;
  /* How long ago that was, in milliseconds; -1 if it is not known. */
  int64_t age_ms;
  /* Whether that is longer ago than the time between two automatic syncs, or never was. */
  bool is_stale;
  /* Whether it is known what that listing could see. */
  bool has_coverage;
  /*
   Whether it could see every skill of the registry; `SKILLSMITH_COVERAGE_BEST_EFFORT` if
   that is not known.
   */
  skillsmith_coverage coverage;
  /* Whether it was a listing by a few search words, which finds a part of the skills only. */
  bool by_words;
} skillsmith_freshness;

/*
 Which skills a search or a list may return. Each condition that is set has to hold; a zero
 member sets none.

 The texts are copied.
 */
typedef struct skillsmith_skill_filter {
  /* `sizeof(skillsmith_skill_filter)`. */
  size_t struct_size;
  /*
   Only skills in this category, by its id or its name; the letters A to Z in either case.
   Default: all.
   */
  const char *category;
  /*
   Only skills of this tier, such as "verified"; those without one are "unknown". Default:
   all.
   */
  const char *trust_tier;
  /*
   Only skills with at least this quality score, up to 1. Negative: at least 0, so any
   score. Default: all skills, including those without a score.
   */
  double min_score;
  /*
   Not 0: only skills that have passed a security scan, so not those without one and not
   those in quarantine. Default: 0.
   */
  int safe_only;
  /* Only skills from there: "registry", or "local" for the user's own. Default: all. */
  const char *source;
} skillsmith_skill_filter;

/* Options of `skillsmith_skill_repository_search`. A zero member means its default. */
typedef struct skillsmith_skill_search_options {
  /* `sizeof(skillsmith_skill_search_options)`. */
  size_t struct_size;
  /* Which skills count at all. Default: all. It is read before the function returns. */
  const struct skillsmith_skill_filter *filter;
  /* Most skills in the answer, up to 1000. Default: 20. */
  uint32_t limit;
  /* How many of the best matches to leave out, up to 4294967295. Default: 0. */
  uint64_t offset;
} skillsmith_skill_search_options;

/* A skill that matches. */
typedef struct skillsmith_skill_match {
  /* The skill. */
  const struct skillsmith_skill *skill;
  /*
   How well it matches by BM25, in which a word in the name weighs most: more is better. It
   compares the skills of one answer; 0 where no index was asked, or no word.
   */
  double rank;
  /*
   The part of its texts in which most words are found, on one line; none where no index was
   asked, or no word.
   */
  struct skillsmith_text snippet;
} skillsmith_skill_match;

/* The answer to a search. */
typedef struct skillsmith_skill_search_results {
  /*
   `count` pointers, the best match first; NULL if there are none. They belong to the answer
   and are not freed separately.
   */
  const struct skillsmith_skill_match *const *matches;
  /* Number of matches. */
  size_t count;
  /* Whether more skills match than these. */
  bool has_more;
  /*
   Whether the full-text index was asked. Without it, or where it is damaged, texts are
   compared letter by letter, so that "testing" does not find "tests"; the best quality comes
   first then.
   */
  bool indexed;
  /* How complete and how old the skills are; belongs to the answer. */
  const struct skillsmith_freshness *freshness;
} skillsmith_skill_search_results;

/* Options of `skillsmith_skill_repository_list`. A zero member means its default. */
typedef struct skillsmith_skill_list_options {
  /* `sizeof(skillsmith_skill_list_options)`. */
  size_t struct_size;
  /* Which skills count at all. Default: all. It is read before the function returns. */
  const struct skillsmith_skill_filter *filter;
  /* Most skills of the page, up to 1000. Default: 100. */
  uint32_t limit;
  /*
   The page begins behind this id, which need not exist: `next.data` of the page before.
   Default: at the first skill.
   */
  const char *after;
  /*
   Length of `after` in bytes: `next.length` of the page before, because the id of a skill may
   contain U+0000. Default: up to the first NUL.
   */
  size_t after_length;
} skillsmith_skill_list_options;

/* A page of a list. */
typedef struct skillsmith_skill_page {
  /*
   `count` pointers, in the order of the ids; NULL if there are none. They belong to the page
   and are not freed separately.
   */
  const struct skillsmith_skill *const *skills;
  /* Number of skills. */
  size_t count;
  /* The id behind which the next page begins; none for the last page. */
  struct skillsmith_text next;
  /* How complete and how old the skills are; belongs to the page. */
  const struct skillsmith_freshness *freshness;
} skillsmith_skill_page;

/* A skill with what other tables have of it. */
typedef struct skillsmith_skill_details {
  /* The skill; belongs to this record and is not freed separately. */
  const struct skillsmith_skill *skill;
  /* The names of the categories that it is in, in their order; NULL if it is in none. */
  const struct skillsmith_text *categories;
  /* Number of categories. */
  size_t category_count;
  /* Where it is from: "registry", or "local" for the user's own. */
  struct skillsmith_text source;
} skillsmith_skill_details;

/*
 Provides the token of a signed-in user.

 Provides it with `skillsmith_token_call_set_token`, or reports a failure with
 `skillsmith_token_call_fail`, and returns 0. Without either there is no token. Any other
 return value is a failure. `refused` is not 0 if the registry has refused the last token
 with 401, so that a fresh one is needed.

 Called before the first request, unless `jwt_token` is set, and once for each refused
 token, on a thread of its own. It may block: the call that needs the token stops waiting
 when it is cancelled or reaches its deadline, and ignores a later token. The callback may
 therefore still run when it is called again. It may call any function of this library.
 */
typedef int (*skillsmith_token_callback)(void *user_data,
                                         int refused,
                                         struct skillsmith_token_call *call);

/* Releases the user data of callbacks, after the last of them has returned. */
typedef void (*skillsmith_destroy_callback)(void *user_data);

/*
 Called with a message for the host's log. `target` is what it is about, "http" or "sync";
 `message` is one line for a person, which may change between versions. Both are UTF-8 and
 valid until the callback returns; do not free them. None contains a credential.

 Called on the thread that creates the client, on that of each request (in a sync, a
 thread of the library), and on that of the sync: on several at once. It should return
 soon, and may call any function of this library: no lock is held and no transaction is
 open.
 */
typedef void (*skillsmith_log_callback)(void *user_data,
                                        skillsmith_log_level level,
                                        const char *target,
                                        const char *message);

/*
 Options of a client. A zero member means its default.

 The texts are copied.
 */
typedef struct skillsmith_client_options {
  /* `sizeof(skillsmith_client_options)`. */
  size_t struct_size;
  /*
   The registry's address, such as `https://host/functions/v1`. Default:
   `SKILLSMITH_API_URL`, `SUPABASE_URL` + `/functions/v1`, `apiBaseUrl` in
   `~/.skillsmith/config.json`, or the live service.
   */
  const char *base_url;
  /* The anonymous key. Default: `SUPABASE_ANON_KEY`. */
  const char *anon_key;
  /*
   The API key. Default: `SKILLSMITH_API_KEY`, or `accessToken` (of a signed-in user) or
   `apiKey` in that file.
   */
  const char *api_key;
  /* Token of a signed-in user. It takes precedence over the API key. Default: none. */
  const char *jwt_token;
  /*
   Timeout in milliseconds for the headers of a response, and again for its body.
   Default: 30000.
   */
  uint64_t timeout_ms;
  /* Retries after the first attempt; negative: none. Default: 3. */
  int max_retries;
  /* Whether to send no requests. Default: `SKILLSMITH_OFFLINE_MODE`, else off. */
  skillsmith_switch offline;
  /*
   Provides the token of a signed-in user, which takes precedence over the API key.
   Default: none.
   */
  skillsmith_token_callback token;
  /* Passed to `token`. */
  void *user_data;
  /*
   Called once with the user data, after the client and everything created from it are
   freed and no callback is running; on the last thread to use it. May be NULL. Not called
   without a `token`, nor if the function that takes the options fails or creates nothing.
   */
  skillsmith_destroy_callback destroy;
  /*
   Called with messages for the host's log: each request, and what a sync with this client
   does. Default: none.
   */
  skillsmith_log_callback log;
  /* Passed to `log`. */
  void *log_user_data;
  /*
   Called once with `log_user_data`, as `destroy` is with `user_data`. May be NULL. Not
   called without a `log`.
   */
  skillsmith_destroy_callback log_destroy;
  /*
   Whether credentials may be sent over plain http to another machine, where everybody on the
   way can read them; without it, that is `INVALID_ARGUMENT`. Default:
   `SKILLSMITH_ALLOW_INSECURE_HTTP`, else off.
   */
  skillsmith_switch allow_insecure_http;
} skillsmith_client_options;

/*
 Options of a search: filters, and the page of the listing. A zero member means its
 default.

 The texts are copied.
 */
typedef struct skillsmith_search_options {
  /* `sizeof(skillsmith_search_options)`. */
  size_t struct_size;
  /*
   A search word. Default: none, which the live registry refuses unless one of the next
   three members is set.
   */
  const char *query;
  /* Only skills of this category. Default: all. */
  const char *category;
  /* Only skills of this tier, such as "verified". Default: all. */
  const char *trust_tier;
  /*
   Only skills with at least this quality score, on the registry's scale. Negative: at
   least 0, so any score. Default: all skills, including those without a score.
   */
  double min_score;
  /*
   Number of rows. The registry may send fewer; the live one sends 100 at most.
   Default: 100.
   */
  uint32_t limit;
  /* Number of rows to skip. Default: 0. */
  uint64_t offset;
} skillsmith_search_options;

/*
 Returns the health of the registry, one of `skillsmith_health`.

 `SKILLSMITH_HEALTH_UNKNOWN`, or any other number, ends the run. Report the reason first,
 with one of the `skillsmith_registry_call_fail` functions.
 */
typedef int (*skillsmith_health_callback)(void *user_data, struct skillsmith_registry_call *call);

/* A request for one page of the listing. Valid until the callback returns. */
typedef struct skillsmith_page_request {
  /* A search word, if the registry refused plain listings; else none. */
  struct skillsmith_text query;
  /* Only skills of this tier; none: all. */
  struct skillsmith_text trust_tier;
  /* Number of rows; the page may have fewer. */
  uint32_t limit;
  /* Number of rows to skip. */
  uint64_t offset;
  /* Only skills with at least this score; negative: any score, or none. */
  double min_score;
} skillsmith_page_request;

/*
 Fetches one page of the listing.

 Passes the page to `skillsmith_registry_call_set_page`, or reports a failure with one of
 the `skillsmith_registry_call_fail` functions, and returns 0. Any other return value is
 a failure, `HOST_ERROR`. The callback does its own retries: after a failed page the
 engine continues with the next one, requests the failed one again at the end, in smaller
 parts, and ends the run when three in a row fail.
 */
typedef int (*skillsmith_search_callback)(void *user_data,
                                          const struct skillsmith_page_request *request,
                                          struct skillsmith_registry_call *call);

/* A request for one page of the sync endpoint. Valid until the callback returns. */
typedef struct skillsmith_sync_request {
  /* Only rows whose `updated_at` is later than this (ISO 8601); none: all rows. */
  struct skillsmith_text since;
  /* Number of rows; the page may have fewer. */
  uint32_t limit;
  /* Number of rows to skip. */
  uint64_t offset;
} skillsmith_sync_request;

/*
 Fetches one page of the sync endpoint: every row of the registry in the order of their ids
 or, with `since`, those that have changed later.

 Responds as `skillsmith_search_callback` does. A page without rows is the end. After the
 HTTP status 404, 405, 410 or 501 the engine uses `search`, for a day; where the endpoint
 has worked before, such an answer first fails one run.
 */
typedef int (*skillsmith_sync_registry_callback)(void *user_data,
                                                 const struct skillsmith_sync_request *request,
                                                 struct skillsmith_registry_call *call);

/*
 The callbacks of a registry.

 They run on a thread of the engine, one after the other during a run. They may block on
 the network, and should return soon after the call is cancelled: a stopped run waits for
 a callback for 100 ms at most, so the next run may start before the callback has
 returned. They may call any function of this library.
 */
typedef struct skillsmith_registry_callbacks {
  /* `sizeof(skillsmith_registry_callbacks)`. */
  size_t struct_size;
  /* Called at the start of a run. NULL: the registry is always healthy. */
  skillsmith_health_callback health;
  /* Called for each page of the search. Required. */
  skillsmith_search_callback search;
  /* Passed to each callback. */
  void *user_data;
  /*
   Called once with the user data, when the registry and all its engines are freed and
   no callback is running; on the thread that used it last. May be NULL. Not called if
   `skillsmith_registry_new` fails.
   */
  skillsmith_destroy_callback destroy;
  /*
   Called for each page of the sync endpoint, before `search` is used at all: later syncs
   then request only what has changed. NULL: the registry has none, and `search` is used.
   */
  skillsmith_sync_registry_callback sync_registry;
} skillsmith_registry_callbacks;

/* Progress of a run. Valid until the callback returns. */
typedef struct skillsmith_sync_progress {
  /* Current phase. */
  skillsmith_sync_phase phase;
  /* Number of rows read; while upserting, number of changed rows written. */
  uint64_t current;
  /*
   Number of rows of the listing, 0 while unknown; while upserting, number of changed
   rows found so far.
   */
  uint64_t total;
  /* Number of skills compared so far. */
  uint64_t skills_processed;
  /* Number of new or changed skills found so far. */
  uint64_t skills_changed;
  /*
   Message for the user: the progress, or the reason for a wait. Never NULL, but may be
   "". A U+0000 in it becomes U+FFFD.
   */
  const char *message;
} skillsmith_sync_progress;

/*
 Called with the progress of a run, on the thread that called
 `skillsmith_sync_engine_sync`, while no lock is held and no transaction is open.

 Returns 0 to continue; any other value ends the run as failed with `HOST_ERROR`. What
 was written is kept. It may call any function of this library; another sync of the same
 database fails with `SYNC_IN_PROGRESS`.
 */
typedef int (*skillsmith_progress_callback)(void *user_data,
                                            const struct skillsmith_sync_progress *progress);

/* Options of a sync. A zero member means its default. */
typedef struct skillsmith_sync_options {
  /* `sizeof(skillsmith_sync_options)`. */
  size_t struct_size;
  /*
   Not 0: compare the content of every row instead of its timestamp, and ignore the
   time of the last sync. Default: 0.
   */
  int force;
  /*
   Not 0: only count the changes; write no row, history entry or schedule. What the database would refuse is counted
   too. Default: 0.
   */
  int dry_run;
  /* Rows per page, up to 10000; the registry may send fewer. Default: 100. */
  uint32_t page_size;
  /*
   Longest duration of the run in milliseconds. The next run continues where this one
   stopped. Default: 1800000, 30 minutes.
   */
  uint64_t deadline_ms;
  /* Called with the progress of the run. Default: none. */
  skillsmith_progress_callback on_progress;
  /* Passed to `on_progress`. */
  void *user_data;
  /* Cancels the run. Default: none. It may be freed during the run, and is not changed. */
  const struct skillsmith_cancel_token *cancel;
  /*
   Which listings of the registry may be used, one of `skillsmith_listing`. Default: what
   `SKILLSMITH_LISTING` says.
   */
  skillsmith_listing listing;
  /*
   How long runs request only changes from the sync endpoint, in milliseconds, before one
   lists everything again, which finds what changed without a new timestamp; 1: every run
   lists everything. For as long, a page of the search is requested with a condition (its
   `ETag` or `Last-Modified`), and not sent while it is unchanged. Default: 2592000000, 30
   days.
   */
  uint64_t full_listing_every_ms;
  /*
   The most requests of this run. If it reaches them, it ends as partial, without an
   error, and the next run continues from there. Default: no bound.
   */
  uint64_t request_budget;
  /*
   The most requests of all runs of the database in a calendar month (UTC). Default:
   that of `skillsmith_sync_config_repository_set_request_budget`, else no bound.
   */
  uint64_t monthly_request_budget;
  /*
   Not 0: read a whole listing, and remove the skills that neither it nor the whole listing
   before has. The user's own skills always stay. Nothing is removed after a listing that was
   read in several runs or leaves anything in doubt, in a database that several registries
   have filled or whose skills have no `source`, or if it would be more than a tenth of the
   table, unless `force` is set; the errors and warnings then say why. Where another engine has
   synced the file since, it takes two such listings again. Default: 0.
   */
  int prune;
} skillsmith_sync_options;

/*
 Result of a run.

 Always: added + updated + unchanged + rejected = processed.
 */
typedef struct skillsmith_sync_result {
  /* Whether the run succeeded without errors. */
  bool success;
  /* Whether this was a dry run, which writes nothing. */
  bool dry_run;
  /* Status of the run, as in its history entry. */
  skillsmith_sync_status status;
  /* Code of the cause if the run failed or ended early; else `SKILLSMITH_OK`. */
  skillsmith_status code;
  /* Whether the run read the whole listing. */
  skillsmith_coverage coverage;
  /* Number of skills added. */
  uint64_t skills_added;
  /* Number of skills updated. */
  uint64_t skills_updated;
  /* Number of skills that had not changed, or are the user's own. */
  uint64_t skills_unchanged;
  /* Number of rows that could not be stored. `errors` names them. */
  uint64_t skills_rejected;
  /* Number of different skills that the registry sent. */
  uint64_t total_processed;
  /* Duration in milliseconds. */
  uint64_t duration_ms;
  /* The cause of a failed run, and the first 20 rejected rows; NULL if there are none. */
  const struct skillsmith_text *errors;
  /* Number of errors. */
  size_t error_count;
  /* Problems that did not cost any rows; NULL if there are none. */
  const struct skillsmith_text *warnings;
  /* Number of warnings. */
  size_t warning_count;
  /*
   Number of requests sent to the registry: pages, retries and the check of its health.
   Of a registry of the host: pages, and one for its health.
   */
  uint64_t requests;
  /* Number of withdrawn skills that were removed; not among those processed. */
  uint64_t skills_removed;
} skillsmith_sync_result;

/* Current status: configuration, last successful run, running, due, paused. */
typedef struct skillsmith_engine_status {
  /* The configuration; never NULL. Owned by this record. */
  const struct skillsmith_sync_config *config;
  /* The last successful run; NULL if there is none. Owned by this record. */
  const struct skillsmith_sync_history_entry *last_run;
  /* Whether a sync is running, in this process or another. */
  bool is_running;
  /* Whether automatic syncing is on and the next sync is due. */
  bool is_due;
  /*
   Number of requests that the runs of this calendar month (UTC) have sent, without dry
   runs.
   */
  uint64_t requests_this_month;
  /*
   The most requests in a calendar month, as set by
   `skillsmith_sync_config_repository_set_request_budget`; -1 if there is no bound.
   */
  int64_t request_budget;
  /*
   Until when no automatic sync starts, due or not, because a run failed or the registry asked
   for a pause, as ISO time; none if there is no pause. A sync by hand does not wait. The week
   after `PLAN_REQUIRED` is not told here: it holds for one credential only.
   */
  struct skillsmith_text paused_until;
} skillsmith_engine_status;

/*
 Called after every successful sync of the service. The result is valid until the
 callback returns; do not free it.
 */
typedef void (*skillsmith_sync_complete_callback)(void *user_data,
                                                  const struct skillsmith_sync_result *result);

/*
 Called with the reason when a sync of the service does not succeed, unless the service
 was stopped during it, and for each new reason why a check fails. The text is UTF-8
 and valid until the callback returns; do not free it. A U+0000 in it becomes U+FFFD.
 */
typedef void (*skillsmith_sync_error_callback)(void *user_data, const char *message);

/*
 Options of a service. A zero member means its default.

 The callbacks run on the service's own thread, or on the thread that called
 `skillsmith_background_sync_service_manual_sync`, while no lock is held. They may call
 any function of this library: `_stop` and `_free` of the same service then do not wait
 for the callback. The service does not sync again before the callback returns: `_manual_sync`
 of the same service fails with `SYNC_IN_PROGRESS` there.
 */
typedef struct skillsmith_background_options {
  /* `sizeof(skillsmith_background_options)`. */
  size_t struct_size;
  /* Milliseconds between two checks. Default: 60000. */
  uint64_t check_interval_ms;
  /* Whether to check at once when started. Default: on. */
  skillsmith_switch sync_on_start;
  /* Called after every successful sync. Default: none. */
  skillsmith_sync_complete_callback on_sync_complete;
  /* Called with the reason when a sync does not succeed. Default: none. */
  skillsmith_sync_error_callback on_sync_error;
  /* Passed to both callbacks. */
  void *user_data;
  /*
   Called once with the user data, when the service is freed and no callback is
   running; on the thread that used it last. May be NULL. Not called if the function
   that takes these options fails or creates no service.
   */
  skillsmith_destroy_callback destroy;
  /*
   Which listings of the registry the syncs may use, one of `skillsmith_listing`.
   Default: what `SKILLSMITH_LISTING` says when the service is created.
   */
  skillsmith_listing listing;
} skillsmith_background_options;

/* A snapshot of the state of a service. */
typedef struct skillsmith_background_sync_state {
  /* Whether the service is started. */
  bool is_started;
  /* Whether a sync of this service is running. */
  bool is_running;
  /* Result of the last sync; NULL before the first. Owned by this record. */
  const struct skillsmith_sync_result *last_result;
  /* Error of the last sync or check; none if it succeeded. */
  struct skillsmith_text last_error;
  /* Number of checks. */
  uint64_t checks_performed;
  /* Number of syncs started, including manual ones. */
  uint64_t syncs_triggered;
} skillsmith_background_sync_state;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 ABI version of this library.

 Compare it with `SKILLSMITH_ABI_VERSION` of the header: if they differ, the program was
 compiled for another version. Does not block; any thread and any signal handler may call
 it.
 */
uint32_t skillsmith_abi_version(void);

/*
 The version of this library, such as "0.1.0".

 Do not free it: the text lives as long as the library is loaded. Does not
 block; any thread may call it.
 */
const char *skillsmith_version_string(void);

/*
 The version of this library as a number, like `SKILLSMITH_VERSION_NUMBER`: `major *
 1000000 + minor * 1000 + patch`.

 Does not block; any thread may call it.
 */
uint32_t skillsmith_version_number(void);

/*
 The name of a status, such as "NETWORK_TIMEOUT"; "OK" for 0, "UNKNOWN" for an unknown
 number.

 The README and the Node package use the same names. Do not free it: the text lives as
 long as the library is loaded. Does not block; any thread may call it.
 */
const char *skillsmith_status_name(skillsmith_status status);

/*
 Whether the same call may succeed later without any change by the caller.

 False for `SKILLSMITH_OK` and for unknown numbers. Does not block; any thread may call
 it.
 */
bool skillsmith_status_is_retryable(skillsmith_status status);

/*
 The status that the function returned with this error.

 `SKILLSMITH_OK` for NULL or for an error that was freed. Does not block; any thread
 may call it.
 */
skillsmith_status skillsmith_error_code(const struct skillsmith_error *error);

/*
 The name of the error's code, such as "NETWORK_TIMEOUT".

 Do not free it: the text lives as long as the library is loaded. "OK" for NULL or
 for an error that was freed. Does not block; any thread may call it.
 */
const char *skillsmith_error_name(const struct skillsmith_error *error);

/*
 The message: what went wrong and what to do, in English.

 Do not free it: the error owns the text. A U+0000 in it, such as in a name from the
 registry, becomes U+FFFD. "" for NULL or for an error that was freed. Does not block;
 any thread may call it.
 */
const char *skillsmith_error_message(const struct skillsmith_error *error);

/*
 Whether the same call may succeed later without any change by the caller.

 False for NULL or for an error that was freed. Does not block; any thread may call it.
 */
bool skillsmith_error_is_retryable(const struct skillsmith_error *error);

/*
 The earliest time to retry, in milliseconds since 1970 (UTC).

 -1 if the registry named none, for NULL, and for an error that was freed. Does not
 block; any thread may call it.
 */
int64_t skillsmith_error_retry_at_ms(const struct skillsmith_error *error);

/*
 Frees an error with its texts.

 NULL is a no-op. Freeing twice returns `SKILLSMITH_INVALID_HANDLE`. Does not block; any
 thread may call it.
 */
skillsmith_status skillsmith_error_free(struct skillsmith_error *error);

/*
 Frees a string that a function of this library returned through a `char **`.

 NULL is a no-op. A pointer that is not such a string, or was already freed, is left
 alone and returns `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
 */
skillsmith_status skillsmith_string_free(char *string);

/*
 Number of handles, strings and records of this library that are not freed yet.

 For leak tests: 0 once everything is freed. Errors count too. Does not block; any thread
 may call it.
 */
size_t skillsmith_live_objects(void);

/*
 Creates a token.

 Gives an owned handle: `skillsmith_cancel_token_free`. Does not block; any thread may
 call it. Errors: `NULL_ARGUMENT`.
 */
skillsmith_status skillsmith_cancel_token_new(struct skillsmith_cancel_token **out_token,
                                              struct skillsmith_error **out_error);

/*
 Cancels every call that uses the token: aborts network requests and ends waits.

 Takes effect within 200 ms; the cancelled call then returns. Calling it again is safe.
 Does not block; any thread may call it, callbacks included, but not a signal handler.
 Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`.
 */
skillsmith_status skillsmith_cancel_token_cancel(const struct skillsmith_cancel_token *token);

/*
 Cancels from a signal handler: it only stores to atomic variables.

 Calls that use the token notice it within 50 ms. Store the handle in a variable that the
 handler may read, before you install the handler. Any thread may call it. Errors:
 `NULL_ARGUMENT`, `INVALID_HANDLE`.
 */
skillsmith_status skillsmith_cancel_token_raise(const struct skillsmith_cancel_token *token);

/*
 Whether the token was cancelled or raised.

 False for NULL or for a token that was freed. Does not block; any thread may call it.
 */
bool skillsmith_cancel_token_is_cancelled(const struct skillsmith_cancel_token *token);

/*
 Frees a token. Calls that use it continue, and can no longer be cancelled.

 NULL is a no-op. Freeing twice returns `SKILLSMITH_INVALID_HANDLE`. Does not block; any
 thread may call it.
 */
skillsmith_status skillsmith_cancel_token_free(struct skillsmith_cancel_token *token);

/*
 Opens a database.

 `path` is UTF-8; `":memory:"` is a new database in memory; NULL is the path that
 `skillsmith_default_database_path` returns. `options` may be NULL.

 Creates a missing file with the whole schema, and its folder, accessible to their owner
 only. Accepts a file of any schema version, and adds the tables for syncing if they are
 missing. Refuses a file that is not a database, is damaged, or belongs to another
 program, and leaves it unchanged.

 Gives an owned handle: `skillsmith_database_free`. Blocks on the disk; any thread may
 call it. Errors: `NULL_ARGUMENT`, `INVALID_ARGUMENT`, and all from 301 to 312.
 */
skillsmith_status skillsmith_database_open(const char *path,
                                           const struct skillsmith_open_options *options,
                                           struct skillsmith_database **out_database,
                                           struct skillsmith_error **out_error);

/*
 Creates a database in memory with the whole schema.

 It is deleted with the last handle made from it. Another SQLite cannot share it.

 Gives an owned handle: `skillsmith_database_free`. Does not block; any thread may call
 it. Errors: `NULL_ARGUMENT`, `DATABASE_ERROR`.
 */
skillsmith_status skillsmith_database_open_in_memory(struct skillsmith_database **out_database,
                                                     struct skillsmith_error **out_error);

/*
 The default path of the database: `SKILLSMITH_DB_PATH`, or `~/.skillsmith/skills.db`.

 `~/` at the start of the variable is the home folder. Gives an owned string:
 `skillsmith_string_free`. Does not block; any thread may call it. Errors: `NULL_ARGUMENT`;
 `INVALID_ARGUMENT` if there is no home folder, if the variable begins with what a shell would
 have replaced (`$HOME/`, `~ada/`, a quotation mark), or if the path is not UTF-8. To open the
 database at such a path, pass NULL to `skillsmith_database_open`.
 */
skillsmith_status skillsmith_default_database_path(char **out_path,
                                                   struct skillsmith_error **out_error);

/*
 Closes a database for all handles made from it.

 Their later calls fail with `DATABASE_CLOSED`. A running sync keeps its own connection
 and ends normally. Calling it again is safe; the handle must still be freed. Blocks
 briefly on the disk; any thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`,
 `OPENED_BEFORE_FORK`.
 */
skillsmith_status skillsmith_database_close(const struct skillsmith_database *database,
                                            struct skillsmith_error **out_error);

/*
 Whether the database is open.

 False for NULL, for a handle that was freed, and in a forked child. May wait for a
 short call on another thread; any thread may call it.
 */
bool skillsmith_database_is_open(const struct skillsmith_database *database);

/*
 Whether the database was opened read-only.

 False for NULL and for a handle that was freed. Does not block; any thread may call it.
 */
bool skillsmith_database_is_read_only(const struct skillsmith_database *database);

/*
 The absolute path of the file, or ":memory:".

 Gives an owned string: `skillsmith_string_free`. Does not block; any thread may call
 it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`.
 */
skillsmith_status skillsmith_database_name(const struct skillsmith_database *database,
                                           char **out_name,
                                           struct skillsmith_error **out_error);

/*
 Frees a database.

 The file is closed with the last handle made from it. To close it now, call
 `skillsmith_database_close` first. NULL is a no-op. Freeing twice returns
 `SKILLSMITH_INVALID_HANDLE`. May block briefly on the disk; any thread may call it.
 */
skillsmith_status skillsmith_database_free(struct skillsmith_database *database);

/*
 Creates a repository for an open database.

 Gives an owned handle: `skillsmith_sync_config_repository_free`. Does not block; any
 thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `OPENED_BEFORE_FORK`.
 */
skillsmith_status skillsmith_sync_config_repository_new(const struct skillsmith_database *database,
                                                        struct skillsmith_sync_config_repository **out_repository,
                                                        struct skillsmith_error **out_error);

/*
 Frees a repository. The database stays open.

 NULL is a no-op. Freeing twice returns `SKILLSMITH_INVALID_HANDLE`. Blocks briefly on
 the disk, if it is the last user of a database whose own handle was freed; any thread
 may call it.
 */
skillsmith_status skillsmith_sync_config_repository_free(struct skillsmith_sync_config_repository *repository);

/*
 The current configuration.

 Gives an owned record: `skillsmith_sync_config_free`. Blocks briefly on the disk; any
 thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `DATABASE_CLOSED`,
 `OPENED_BEFORE_FORK`, `DATABASE_ERROR`.
 */
skillsmith_status skillsmith_sync_config_repository_get_config(const struct skillsmith_sync_config_repository *repository,
                                                               struct skillsmith_sync_config **out_config,
                                                               struct skillsmith_error **out_error);

/*
 Changes the settings in `update` and returns the new configuration.

 `out_config` may be NULL if the result is not needed. Otherwise it gets an owned record:
 `skillsmith_sync_config_free`. Blocks on the disk, for at most the busy budget; any
 thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `INVALID_ARGUMENT`,
 `DATABASE_CLOSED`, `OPENED_BEFORE_FORK`, `DATABASE_BUSY`, `READ_ONLY`, `DISK_FULL`,
 `DATABASE_ERROR`.
 */
skillsmith_status skillsmith_sync_config_repository_update_config(const struct skillsmith_sync_config_repository *repository,
                                                                  const struct skillsmith_sync_config_update *update,
                                                                  struct skillsmith_sync_config **out_config,
                                                                  struct skillsmith_error **out_error);

/*
 Records a complete sync that started at `timestamp` (ISO 8601) and changed `count` skills.

 Schedules the next sync and clears the last error. The engine does this itself. Blocks
 on the disk, for at most the busy budget; any thread may call it. Errors: as for
 `skillsmith_sync_config_repository_update_config`.
 */
skillsmith_status skillsmith_sync_config_repository_set_last_sync(const struct skillsmith_sync_config_repository *repository,
                                                                  const char *timestamp,
                                                                  int64_t count,
                                                                  struct skillsmith_error **out_error);

/*
 Records the error of the last sync. The engine does this itself.

 Blocks on the disk, for at most the busy budget; any thread may call it. Errors: as
 for `skillsmith_sync_config_repository_update_config`.
 */
skillsmith_status skillsmith_sync_config_repository_set_last_sync_error(const struct skillsmith_sync_config_repository *repository,
                                                                        const char *message,
                                                                        struct skillsmith_error **out_error);

/*
 Clears the error of the last sync.

 Blocks on the disk, for at most the busy budget; any thread may call it. Errors: as
 for `skillsmith_sync_config_repository_update_config`.
 */
skillsmith_status skillsmith_sync_config_repository_clear_error(const struct skillsmith_sync_config_repository *repository,
                                                                struct skillsmith_error **out_error);

/*
 The time `interval_ms` milliseconds after `last_sync_at` (ISO 8601).

 Gives an owned string, ISO 8601 with milliseconds and `Z`: `skillsmith_string_free`.
 Does not block; any thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`,
 `INVALID_ARGUMENT`.
 */
skillsmith_status skillsmith_sync_config_repository_calculate_next_sync(const struct skillsmith_sync_config_repository *repository,
                                                                        const char *last_sync_at,
                                                                        int64_t interval_ms,
                                                                        char **out_next_sync_at,
                                                                        struct skillsmith_error **out_error);

/*
 Whether automatic syncing is on and the next sync is due.

 Blocks briefly on the disk; any thread may call it. Errors: as for
 `skillsmith_sync_config_repository_get_config`.
 */
skillsmith_status skillsmith_sync_config_repository_is_sync_due(const struct skillsmith_sync_config_repository *repository,
                                                                bool *out_due,
                                                                struct skillsmith_error **out_error);

/*
 The most requests that syncs of this database send in a calendar month (UTC); -1 if there
 is no bound.

 Blocks briefly on the disk; any thread may call it. Errors: as for
 `skillsmith_sync_config_repository_get_config`.
 */
skillsmith_status skillsmith_sync_config_repository_get_request_budget(const struct skillsmith_sync_config_repository *repository,
                                                                       int64_t *out_budget,
                                                                       struct skillsmith_error **out_error);

/*
 Sets the most requests that syncs of this database send in a calendar month (UTC); -1
 removes the bound.

 A sync that reaches it ends as partial, and the next one continues from there. Blocks on
 the disk, for at most the busy budget; any thread may call it. Errors: as for
 `skillsmith_sync_config_repository_update_config`; `INVALID_ARGUMENT` below -1.
 */
skillsmith_status skillsmith_sync_config_repository_set_request_budget(const struct skillsmith_sync_config_repository *repository,
                                                                       int64_t budget,
                                                                       struct skillsmith_error **out_error);

/*
 Enables automatic syncing.

 `out_config` may be NULL if the result is not needed. Otherwise it gets an owned record:
 `skillsmith_sync_config_free`. Blocks on the disk, for at most the busy budget; any
 thread may call it. Errors: as for `skillsmith_sync_config_repository_update_config`.
 */
skillsmith_status skillsmith_sync_config_repository_enable(const struct skillsmith_sync_config_repository *repository,
                                                           struct skillsmith_sync_config **out_config,
                                                           struct skillsmith_error **out_error);

/*
 Disables automatic syncing. A manual sync still works.

 `out_config` may be NULL if the result is not needed. Otherwise it gets an owned record:
 `skillsmith_sync_config_free`. Blocks on the disk, for at most the busy budget; any
 thread may call it. Errors: as for `skillsmith_sync_config_repository_update_config`.
 */
skillsmith_status skillsmith_sync_config_repository_disable(const struct skillsmith_sync_config_repository *repository,
                                                            struct skillsmith_sync_config **out_config,
                                                            struct skillsmith_error **out_error);

/*
 Changes the frequency and reschedules the next sync.

 `out_config` may be NULL if the result is not needed. Otherwise it gets an owned record:
 `skillsmith_sync_config_free`. Blocks on the disk, for at most the busy budget; any
 thread may call it. Errors: as for `skillsmith_sync_config_repository_update_config`;
 `INVALID_ARGUMENT` for any frequency other than daily and weekly.
 */
skillsmith_status skillsmith_sync_config_repository_set_frequency(const struct skillsmith_sync_config_repository *repository,
                                                                  skillsmith_sync_frequency frequency,
                                                                  struct skillsmith_sync_config **out_config,
                                                                  struct skillsmith_error **out_error);

/*
 Frees a configuration with its texts.

 NULL is a no-op. A pointer that is not such a record, or was already freed, returns
 `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
 */
skillsmith_status skillsmith_sync_config_free(struct skillsmith_sync_config *config);

/*
 Creates a repository for an open database.

 Gives an owned handle: `skillsmith_sync_history_repository_free`. Does not block; any
 thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `OPENED_BEFORE_FORK`.
 */
skillsmith_status skillsmith_sync_history_repository_new(const struct skillsmith_database *database,
                                                         struct skillsmith_sync_history_repository **out_repository,
                                                         struct skillsmith_error **out_error);

/*
 Frees a repository. The database stays open.

 NULL is a no-op. Freeing twice returns `SKILLSMITH_INVALID_HANDLE`. Blocks briefly on
 the disk, if it is the last user of a database whose own handle was freed; any thread
 may call it.
 */
skillsmith_status skillsmith_sync_history_repository_free(struct skillsmith_sync_history_repository *repository);

/*
 Creates an entry for a run that starts now. The engine does this itself.

 Gives its id as an owned string: `skillsmith_string_free`. Blocks on the disk, for at
 most the busy budget; any thread may call it. Errors: `NULL_ARGUMENT`,
 `INVALID_HANDLE`, `DATABASE_CLOSED`, `OPENED_BEFORE_FORK`, `DATABASE_BUSY`,
 `READ_ONLY`, `DISK_FULL`, `DATABASE_ERROR`.
 */
skillsmith_status skillsmith_sync_history_repository_start_run(const struct skillsmith_sync_history_repository *repository,
                                                               char **out_id,
                                                               struct skillsmith_error **out_error);

/*
 Marks a run as successful. The engine does this itself.

 Blocks on the disk, for at most the busy budget; any thread may call it. Errors: as
 for `skillsmith_sync_history_repository_start_run`, and `RUN_NOT_FOUND`,
 `INVALID_ARGUMENT`.
 */
skillsmith_status skillsmith_sync_history_repository_complete_run(const struct skillsmith_sync_history_repository *repository,
                                                                  const char *id,
                                                                  const struct skillsmith_sync_run_result *result,
                                                                  struct skillsmith_error **out_error);

/*
 Marks a run as partially successful, with the reason. The engine does this itself.

 Blocks on the disk, for at most the busy budget; any thread may call it. Errors: as
 for `skillsmith_sync_history_repository_complete_run`.
 */
skillsmith_status skillsmith_sync_history_repository_complete_run_partial(const struct skillsmith_sync_history_repository *repository,
                                                                          const char *id,
                                                                          const struct skillsmith_sync_run_result *result,
                                                                          const char *error_message,
                                                                          struct skillsmith_error **out_error);

/*
 Marks a run as failed, with the reason. The engine does this itself.

 Blocks on the disk, for at most the busy budget; any thread may call it. Errors: as
 for `skillsmith_sync_history_repository_complete_run`.
 */
skillsmith_status skillsmith_sync_history_repository_fail_run(const struct skillsmith_sync_history_repository *repository,
                                                              const char *id,
                                                              const char *error_message,
                                                              struct skillsmith_error **out_error);

/*
 One entry.

 Gives an owned record, `skillsmith_sync_history_entry_free`; NULL if there is no such
 entry, which is not an error. Blocks briefly on the disk; any thread may call it.
 Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `INVALID_ARGUMENT`, `DATABASE_CLOSED`,
 `OPENED_BEFORE_FORK`, `DATABASE_ERROR`.
 */
skillsmith_status skillsmith_sync_history_repository_get_by_id(const struct skillsmith_sync_history_repository *repository,
                                                               const char *id,
                                                               struct skillsmith_sync_history_entry **out_entry,
                                                               struct skillsmith_error **out_error);

/*
 Up to `limit` entries, newest first.

 Gives an owned list, never NULL: `skillsmith_sync_history_list_free`. Blocks briefly on
 the disk; any thread may call it. Errors: as for
 `skillsmith_sync_history_repository_get_by_id`.
 */
skillsmith_status skillsmith_sync_history_repository_get_history(const struct skillsmith_sync_history_repository *repository,
                                                                 uint32_t limit,
                                                                 struct skillsmith_sync_history_list **out_list,
                                                                 struct skillsmith_error **out_error);

/*
 The newest successful entry.

 Gives an owned record, `skillsmith_sync_history_entry_free`; NULL if there is none,
 which is not an error. Blocks briefly on the disk; any thread may call it. Errors: as
 for `skillsmith_sync_history_repository_get_by_id`.
 */
skillsmith_status skillsmith_sync_history_repository_get_last_successful(const struct skillsmith_sync_history_repository *repository,
                                                                         struct skillsmith_sync_history_entry **out_entry,
                                                                         struct skillsmith_error **out_error);

/*
 The entries of running syncs, newest first.

 Entries of this library whose process has died are marked as failed first. Gives an
 owned list, never NULL: `skillsmith_sync_history_list_free`. Blocks briefly on the disk;
 any thread may call it. Errors: as for `skillsmith_sync_history_repository_get_by_id`.
 */
skillsmith_status skillsmith_sync_history_repository_get_running(const struct skillsmith_sync_history_repository *repository,
                                                                 struct skillsmith_sync_history_list **out_list,
                                                                 struct skillsmith_error **out_error);

/*
 Whether a sync is running, after the same check.

 Blocks briefly on the disk; any thread may call it. Errors: as for
 `skillsmith_sync_history_repository_get_by_id`.
 */
skillsmith_status skillsmith_sync_history_repository_is_running(const struct skillsmith_sync_history_repository *repository,
                                                                bool *out_running,
                                                                struct skillsmith_error **out_error);

/*
 Deletes the entries of runs that started more than `days_to_keep` days ago. The entry of
 a running sync stays.

 Gives their number; `out_deleted` may be NULL. Blocks on the disk, for at most the busy
 budget; any thread may call it. Errors: `INVALID_ARGUMENT` if that is before the first
 possible date; and as for `skillsmith_sync_history_repository_start_run`.
 */
skillsmith_status skillsmith_sync_history_repository_cleanup(const struct skillsmith_sync_history_repository *repository,
                                                             uint32_t days_to_keep,
                                                             uint64_t *out_deleted,
                                                             struct skillsmith_error **out_error);

/*
 Number of entries.

 Blocks briefly on the disk; any thread may call it. Errors: as for
 `skillsmith_sync_history_repository_get_by_id`.
 */
skillsmith_status skillsmith_sync_history_repository_count(const struct skillsmith_sync_history_repository *repository,
                                                           int64_t *out_count,
                                                           struct skillsmith_error **out_error);

/*
 Statistics of the whole history.

 Gives an owned record: `skillsmith_sync_stats_free`. Blocks briefly on the disk; any
 thread may call it. Errors: as for `skillsmith_sync_history_repository_get_by_id`.
 */
skillsmith_status skillsmith_sync_history_repository_get_stats(const struct skillsmith_sync_history_repository *repository,
                                                               struct skillsmith_sync_stats **out_stats,
                                                               struct skillsmith_error **out_error);

/*
 Frees an entry with its texts. An entry of a list is refused.

 NULL is a no-op. A pointer that is not such a record, or was already freed, returns
 `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
 */
skillsmith_status skillsmith_sync_history_entry_free(struct skillsmith_sync_history_entry *entry);

/*
 Frees a list with its entries.

 NULL is a no-op. A pointer that is not such a record, or was already freed, returns
 `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
 */
skillsmith_status skillsmith_sync_history_list_free(struct skillsmith_sync_history_list *list);

/*
 Frees statistics with their texts.

 NULL is a no-op. A pointer that is not such a record, or was already freed, returns
 `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
 */
skillsmith_status skillsmith_sync_stats_free(struct skillsmith_sync_stats *stats);

/*
 Creates a repository for an open database.

 Gives an owned handle: `skillsmith_skill_repository_free`. Does not block; any thread
 may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `OPENED_BEFORE_FORK`.
 */
skillsmith_status skillsmith_skill_repository_new(const struct skillsmith_database *database,
                                                  struct skillsmith_skill_repository **out_repository,
                                                  struct skillsmith_error **out_error);

/*
 Frees a repository. The database stays open.

 NULL is a no-op. Freeing twice returns `SKILLSMITH_INVALID_HANDLE`. Blocks briefly on
 the disk, if it is the last user of a database whose own handle was freed; any thread
 may call it.
 */
skillsmith_status skillsmith_skill_repository_free(struct skillsmith_skill_repository *repository);

/*
 The skill with this id.

 Gives an owned record, `skillsmith_skill_free`; NULL if there is no such skill, which is
 not an error. Blocks briefly on the disk; any thread may call it. Errors:
 `NULL_ARGUMENT`, `INVALID_HANDLE`, `INVALID_ARGUMENT`, `DATABASE_CLOSED`,
 `OPENED_BEFORE_FORK`, `DATABASE_ERROR`.
 */
skillsmith_status skillsmith_skill_repository_find_by_id(const struct skillsmith_skill_repository *repository,
                                                         const char *id,
                                                         struct skillsmith_skill **out_skill,
                                                         struct skillsmith_error **out_error);

/*
 Whether a skill with this id exists.

 Blocks briefly on the disk; any thread may call it. Errors: as for
 `skillsmith_skill_repository_find_by_id`.
 */
skillsmith_status skillsmith_skill_repository_exists(const struct skillsmith_skill_repository *repository,
                                                     const char *id,
                                                     bool *out_exists,
                                                     struct skillsmith_error **out_error);

/*
 Number of skills, including the user's own.

 Blocks briefly on the disk; any thread may call it. Errors: as for
 `skillsmith_skill_repository_find_by_id`.
 */
skillsmith_status skillsmith_skill_repository_count(const struct skillsmith_skill_repository *repository,
                                                    int64_t *out_count,
                                                    struct skillsmith_error **out_error);

/*
 Frees a skill with its texts.

 NULL is a no-op. A pointer that is not such a record, or was already freed, returns
 `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
 */
skillsmith_status skillsmith_skill_free(struct skillsmith_skill *skill);

/*
 How complete and how old the skills are. Each search and each page of a list says it, too.

 Gives an owned record, never NULL: `skillsmith_freshness_free`. Blocks briefly on the disk
 and waits for no sync; any thread may call it. Errors: as for
 `skillsmith_skill_repository_find_by_id`.
 */
skillsmith_status skillsmith_skill_repository_freshness(const struct skillsmith_skill_repository *repository,
                                                        struct skillsmith_freshness **out_freshness,
                                                        struct skillsmith_error **out_error);

/*
 Frees what `skillsmith_skill_repository_freshness` gave. That of an answer is refused.

 NULL is a no-op. A pointer that is not such a record, or was already freed, returns
 `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
 */
skillsmith_status skillsmith_freshness_free(struct skillsmith_freshness *freshness);

/*
 The skills in which every word of `text` is found, the best match first, then the best
 quality, then by id.

 Nothing in the text is an operator: quotes, `-`, `*` and `NEAR` are looked for, or are between
 words. A word matches in all its forms, as the full-text index has them; the last one, if it
 has three letters, matches every word that begins with it. "" leaves nothing out, and the best
 quality comes first. `options` may be NULL: the first 20 of all skills that match.

 Gives an owned record, never NULL: `skillsmith_skill_search_results_free`. Blocks on the disk
 only, and waits for no sync; what it takes grows with the number of skills that match. It reads
 only, and never changes the file. Any thread may call it. Errors: as for
 `skillsmith_skill_repository_find_by_id`; `INVALID_ARGUMENT` also for a text of more than 1000
 characters and for options out of range; `OUT_OF_MEMORY`.
 */
skillsmith_status skillsmith_skill_repository_search(const struct skillsmith_skill_repository *repository,
                                                     const char *text,
                                                     const struct skillsmith_skill_search_options *options,
                                                     struct skillsmith_skill_search_results **out_results,
                                                     struct skillsmith_error **out_error);

/*
 A page of all skills, in the order of their ids. A page behind the last skill is empty.

 `options` may be NULL: the first 100 of all skills. To read all, call it with the data and the
 length of each page's `next` as `after` and `after_length`. No lock is held in between, so a
 sync may write meanwhile; what it adds behind the last id is found too.

 Gives an owned record, never NULL: `skillsmith_skill_page_free`. Blocks on the disk only, and
 waits for no sync; any thread may call it. Errors: as for
 `skillsmith_skill_repository_find_by_id`; `INVALID_ARGUMENT` also for options out of range;
 `OUT_OF_MEMORY`.
 */
skillsmith_status skillsmith_skill_repository_list(const struct skillsmith_skill_repository *repository,
                                                   const struct skillsmith_skill_list_options *options,
                                                   struct skillsmith_skill_page **out_page,
                                                   struct skillsmith_error **out_error);

/*
 The skill with this id, its categories and where it is from.

 Gives an owned record, `skillsmith_skill_details_free`; NULL if there is no such skill, which is
 not an error. Blocks briefly on the disk; any thread may call it. Errors: as for
 `skillsmith_skill_repository_find_by_id`.
 */
skillsmith_status skillsmith_skill_repository_get(const struct skillsmith_skill_repository *repository,
                                                  const char *id,
                                                  struct skillsmith_skill_details **out_details,
                                                  struct skillsmith_error **out_error);

/*
 Frees the answer to a search with its matches.

 NULL is a no-op. A pointer that is not such a record, or was already freed, returns
 `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
 */
skillsmith_status skillsmith_skill_search_results_free(struct skillsmith_skill_search_results *results);

/*
 Frees a page with its skills.

 NULL is a no-op. A pointer that is not such a record, or was already freed, returns
 `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
 */
skillsmith_status skillsmith_skill_page_free(struct skillsmith_skill_page *page);

/*
 Frees details with their texts.

 NULL is a no-op. A pointer that is not such a record, or was already freed, returns
 `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
 */
skillsmith_status skillsmith_skill_details_free(struct skillsmith_skill_details *details);

/*
 Provides the token. The last one counts, and none after a failure.

 `token` is copied. NULL and "" mean that there is no token. Does not block; any thread may
 call it until the callback returns. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`;
 `INVALID_ARGUMENT` if it is not UTF-8.
 */
skillsmith_status skillsmith_token_call_set_token(const struct skillsmith_token_call *call,
                                                  const char *token);

/*
 Reports that there is no token because of a failure.

 `message` is UTF-8 for the user, and copied; it appears in the result and the history, so
 it must not contain credentials. The call that needs the token fails with `HOST_ERROR`, or
 with `SIGN_IN_EXPIRED` if the registry has refused the last token. The first failure counts.

 Does not block; any thread may call it until the callback returns. Errors:
 `NULL_ARGUMENT`, `INVALID_HANDLE`, `INVALID_ARGUMENT`.
 */
skillsmith_status skillsmith_token_call_fail(const struct skillsmith_token_call *call,
                                             const char *message);

/*
 Whether the token is no longer needed: the call that needs it was cancelled or has ended.

 A callback that blocks checks this repeatedly, and returns. True for NULL and once the callback has returned. Does not block; any thread may
 call it.
 */
bool skillsmith_token_call_is_cancelled(const struct skillsmith_token_call *call);

/*
 Creates a client. Sends nothing.

 `options` may be NULL. Gives an owned handle: `skillsmith_api_client_free`. Reads the
 environment, `~/.skillsmith/config.json` and the system's certificates; any thread may
 call it. On success the user data is the library's until it calls `destroy`. Errors:
 `NULL_ARGUMENT`; `INVALID_ARGUMENT` if the address, a key or the proxy is invalid, or a key would be
 sent over plain http;
 `IO_ERROR`, `PERMISSION_DENIED` if that file is needed, exists, and cannot be read or
 parsed.
 */
skillsmith_status skillsmith_api_client_new(const struct skillsmith_client_options *options,
                                            struct skillsmith_api_client **out_client,
                                            struct skillsmith_error **out_error);

/*
 Frees a client. Engines made from it keep it.

 NULL is a no-op. Freeing twice returns `SKILLSMITH_INVALID_HANDLE`. Does not block; any
 thread may call it.
 */
skillsmith_status skillsmith_api_client_free(struct skillsmith_api_client *client);

/*
 Whether offline mode is on, so that every sync fails with `OFFLINE`.

 False for NULL and for a client that was freed. Does not block; any thread may call it.
 */
bool skillsmith_api_client_is_offline(const struct skillsmith_api_client *client);

/*
 The registry's address.

 Gives an owned string: `skillsmith_string_free`. Does not block; any thread may call
 it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`.
 */
skillsmith_status skillsmith_api_client_base_url(const struct skillsmith_api_client *client,
                                                 char **out_url,
                                                 struct skillsmith_error **out_error);

/*
 Requests the health of the registry.

 `cancel` may be NULL. Blocks on the network, for at most about 5 s; any thread may call
 it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `OFFLINE`, `CANCELLED`,
 `REDIRECT_REFUSED`; `API_UNHEALTHY`, with the reason, if the registry does not respond.
 */
skillsmith_status skillsmith_api_client_check_health(const struct skillsmith_api_client *client,
                                                     const struct skillsmith_cancel_token *cancel,
                                                     skillsmith_health *out_health,
                                                     struct skillsmith_error **out_error);

/*
 Fetches one page of the listing, as the registry serves it.

 `options` may be NULL: the first 100 rows. `cancel` may be NULL. Gives an owned string,
 the JSON text `{"data": [...], "meta": {...}}`: `skillsmith_string_free`. It is checked
 to be JSON; its content is not checked. A U+0000 in one of its texts is escaped.

 Blocks on the network: each attempt for at most the client's `timeout_ms`. Retries 408,
 429, 5xx, broken connections and unreadable responses up to `max_retries` times, after
 1, 2, 4 ... s or when the registry asked for; ends after about 30 minutes at most. Any
 thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`; `INVALID_ARGUMENT` for a
 text that is not UTF-8 or too long for a URL and a score that is not finite; `OFFLINE`,
 `CANCELLED`,
 `NETWORK_UNREACHABLE`, `NETWORK_TIMEOUT`, `RATE_LIMITED`, `QUOTA_EXCEEDED`,
 `UNAUTHORIZED`, `SIGN_IN_EXPIRED`, `FORBIDDEN`, `PLAN_REQUIRED`, `SERVER_ERROR`,
 `REDIRECT_REFUSED`; `HOST_ERROR` if the token callback fails; `REQUEST_REFUSED` for any
 other 4xx; `PROTOCOL_ERROR` if the response is not JSON; `RESPONSE_TOO_LARGE` over 16 MiB.
 */
skillsmith_status skillsmith_api_client_search(const struct skillsmith_api_client *client,
                                               const struct skillsmith_search_options *options,
                                               const struct skillsmith_cancel_token *cancel,
                                               char **out_json,
                                               struct skillsmith_error **out_error);

/*
 Creates a registry of callbacks.

 `name` identifies the registry, like a base URL: the database keeps the cursor of an
 unfinished listing, and the way of listing that worked, under it. It is UTF-8, not
 empty, and copied. The callbacks are copied too. On success the library owns the user
 data until it calls `destroy`.

 Gives an owned handle: `skillsmith_registry_free`. Does not block; any thread may call
 it. Errors: `NULL_ARGUMENT`, also for a missing `search`; `INVALID_ARGUMENT`.
 */
skillsmith_status skillsmith_registry_new(const char *name,
                                          const struct skillsmith_registry_callbacks *callbacks,
                                          struct skillsmith_registry **out_registry,
                                          struct skillsmith_error **out_error);

/*
 Frees a registry. Engines made from it keep it.

 NULL is a no-op. Freeing twice returns `SKILLSMITH_INVALID_HANDLE`. Does not block,
 except for `destroy`; any thread may call it.
 */
skillsmith_status skillsmith_registry_free(struct skillsmith_registry *registry);

/*
 Turns offline mode on or off. When it is on, every sync fails with `OFFLINE`, and no
 callback is called. A new registry is not offline.

 Does not block; any thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`.
 */
skillsmith_status skillsmith_registry_set_offline(const struct skillsmith_registry *registry,
                                                  int offline);

/*
 Whether the call was cancelled: the run was cancelled or has ended.

 A callback that blocks should poll this, and return when it is true. True for NULL and
 after the callback has returned. Does not block.
 */
bool skillsmith_registry_call_is_cancelled(const struct skillsmith_registry_call *call);

/*
 Waits, such as between two attempts.

 Returns `SKILLSMITH_OK` after that time; `SKILLSMITH_CANCELLED` as soon as the call is
 cancelled. Blocks for that time; any thread may call it until the callback returns.
 Errors: also `NULL_ARGUMENT`, `INVALID_HANDLE`.
 */
skillsmith_status skillsmith_registry_call_wait(const struct skillsmith_registry_call *call,
                                                uint64_t milliseconds);

/*
 Sets the page: the JSON text of the registry's response, `{"data": [...], "meta":
 {...}}`.

 `json` is `length` bytes, need not end with a NUL, and is copied. `data` contains the
 skills as the registry sends them; `meta.total` and `meta.limit` may be missing. A row
 that is not a skill is rejected, without harm to the others. An empty `data` ends the
 listing. Only the last page counts, and no page after a failure.

 Parses the text, and does not block otherwise; any thread may call it until the callback
 returns. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`; `PROTOCOL_ERROR` if the text is not
 a page, `RESPONSE_TOO_LARGE` over 16 MiB; the page has then failed.
 */
skillsmith_status skillsmith_registry_call_set_page(const struct skillsmith_registry_call *call,
                                                    const char *json,
                                                    size_t length,
                                                    struct skillsmith_error **out_error);

/*
 Reports that the request failed.

 `status` is the reason: `SKILLSMITH_HOST_ERROR`, `_NETWORK_UNREACHABLE`,
 `_NETWORK_TIMEOUT`, `_API_UNHEALTHY` or `_PROTOCOL_ERROR`. `message` is UTF-8 for the
 person who has to act on it, and copied. It appears in the result and the history, so it
 must not contain credentials. `_NETWORK_UNREACHABLE` and `_API_UNHEALTHY` end the run;
 after any other, the engine continues as `skillsmith_search_callback` says. Only the
 first failure counts.

 Does not block; any thread may call it until the callback returns. Errors:
 `NULL_ARGUMENT`, `INVALID_HANDLE`; `INVALID_ARGUMENT` for any
 other status.
 */
skillsmith_status skillsmith_registry_call_fail(const struct skillsmith_registry_call *call,
                                                skillsmith_status status,
                                                const char *message);

/*
 Reports that the registry responded with an HTTP status other than success.

 The engine treats it like the same response of the live registry: after 400 it requests
 the listing in another way; 401 (`SIGN_IN_EXPIRED` if `detail` says that something has
 expired), 403 if `detail` contains `tier_not_entitled` (`PLAN_REQUIRED`), 429, and 5xx and
 408 with a retry time end the run with their own error codes; any other status fails this page only, until three pages in a row fail. `retry_after_ms`
 is the `Retry-After` in milliseconds from now, or -1; after 429 and 5xx no automatic sync
 starts before then, for a month at most. `detail` is the message in the body, or NULL;
 UTF-8, copied.

 Does not block; any thread may call it until the callback returns. Errors:
 `NULL_ARGUMENT`, `INVALID_HANDLE`; `INVALID_ARGUMENT` for a
 status below 300 or above 599.
 */
skillsmith_status skillsmith_registry_call_fail_http(const struct skillsmith_registry_call *call,
                                                     int http_status,
                                                     int64_t retry_after_ms,
                                                     const char *detail);

/*
 Creates an engine for the live registry and an open database.

 It keeps both, even when their handles are freed. Gives an owned handle:
 `skillsmith_sync_engine_free`. Does not block; any thread may call it. Errors:
 `NULL_ARGUMENT`, `INVALID_HANDLE`, `OPENED_BEFORE_FORK`.
 */
skillsmith_status skillsmith_sync_engine_new(const struct skillsmith_api_client *client,
                                             const struct skillsmith_database *database,
                                             struct skillsmith_sync_engine **out_engine,
                                             struct skillsmith_error **out_error);

/*
 Creates an engine for a registry of the host and an open database.

 It keeps both, even when their handles are freed. Gives an owned handle:
 `skillsmith_sync_engine_free`. Does not block; any thread may call it. Errors:
 `NULL_ARGUMENT`, `INVALID_HANDLE`, `OPENED_BEFORE_FORK`.
 */
skillsmith_status skillsmith_sync_engine_new_with_registry(const struct skillsmith_registry *registry,
                                                           const struct skillsmith_database *database,
                                                           struct skillsmith_sync_engine **out_engine,
                                                           struct skillsmith_error **out_error);

/*
 Frees an engine. A running sync ends normally.

 NULL is a no-op. Freeing twice returns `SKILLSMITH_INVALID_HANDLE`. Blocks briefly on
 the disk, if it is the last user of a database whose own handle was freed, and for the
 `destroy` of a registry of the host; any thread may call it.
 */
skillsmith_status skillsmith_sync_engine_free(struct skillsmith_sync_engine *engine);

/*
 Syncs. Blocks on the network and the disk until the run ends.

 `options` may be NULL. A failed run is not an error of this function: it returns
 `SKILLSMITH_OK`, and the result says what happened (`success`, `code`, `errors`). What
 was written is kept, and the next run continues where this one stopped.

 Gives an owned record: `skillsmith_sync_result_free`. Any thread may call it; it starts
 a second one for the network. Errors, before the run starts: `NULL_ARGUMENT`,
 `INVALID_HANDLE`, `INVALID_ARGUMENT` (also for a word in `SKILLSMITH_LISTING` that is no
 listing, unless the options name one), `DATABASE_CLOSED`, `OPENED_BEFORE_FORK`.
 */
skillsmith_status skillsmith_sync_engine_sync(const struct skillsmith_sync_engine *engine,
                                              const struct skillsmith_sync_options *options,
                                              struct skillsmith_sync_result **out_result,
                                              struct skillsmith_error **out_error);

/*
 Current status: configuration, last successful run, running, due.

 Gives an owned record: `skillsmith_engine_status_free`. Blocks briefly on the disk; any
 thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `DATABASE_CLOSED`,
 `OPENED_BEFORE_FORK`, `DATABASE_ERROR`.
 */
skillsmith_status skillsmith_sync_engine_get_status(const struct skillsmith_sync_engine *engine,
                                                    struct skillsmith_engine_status **out_status,
                                                    struct skillsmith_error **out_error);

/*
 Whether offline mode is on, so that every sync fails with `OFFLINE`.

 False for NULL and for an engine that was freed. Does not block; any thread may call it.
 */
bool skillsmith_sync_engine_is_offline(const struct skillsmith_sync_engine *engine);

/*
 Frees a result with its texts.

 NULL is a no-op. A pointer that is not such a record, or was already freed, returns
 `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
 */
skillsmith_status skillsmith_sync_result_free(struct skillsmith_sync_result *result);

/*
 Frees a status with its configuration and its entry.

 NULL is a no-op. A pointer that is not such a record, or was already freed, returns
 `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
 */
skillsmith_status skillsmith_engine_status_free(struct skillsmith_engine_status *status);

/*
 Creates a service that is not started yet.

 `options` may be NULL. On success the library owns the user data until it calls
 `destroy`. Gives an owned handle: `skillsmith_background_sync_service_free`. Does not
 block; any thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`,
 `INVALID_ARGUMENT` (as for `skillsmith_sync_engine_sync`), `OPENED_BEFORE_FORK`.
 */
skillsmith_status skillsmith_background_sync_service_new(const struct skillsmith_sync_engine *engine,
                                                         const struct skillsmith_background_options *options,
                                                         struct skillsmith_background_sync_service **out_service,
                                                         struct skillsmith_error **out_error);

/*
 Creates and starts a service for `database` and the registry that `client_options` and
 the environment name. A server calls this once when it starts.

 Gives NULL, which is not an error, if background syncing is off:
 `SKILLSMITH_BACKGROUND_SYNC` is off, `SKILLSMITH_OFFLINE_MODE` is on, or automatic
 syncing is disabled in the configuration. Both options may be NULL. A sync that is due
 starts at once, on the service's thread; after that it checks every minute. The thread
 never keeps the process alive: a program may return from `main` or call `exit` at any
 time and loses nothing. No signal handler is installed. A program need not stop the
 service before it ends.

 Gives an owned handle: `skillsmith_background_sync_service_free`. Blocks briefly on the
 disk; any thread may call it. Errors: those of `skillsmith_api_client_new`,
 `skillsmith_sync_config_repository_get_config`,
 `skillsmith_background_sync_service_new` and `skillsmith_background_sync_service_start`.
 */
skillsmith_status skillsmith_start_background_sync(const struct skillsmith_database *database,
                                                   const struct skillsmith_client_options *client_options,
                                                   const struct skillsmith_background_options *options,
                                                   struct skillsmith_background_sync_service **out_service,
                                                   struct skillsmith_error **out_error);

/*
 Starts the checks, on their own thread. Returns at once; calling it again is safe.

 Any thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `OPENED_BEFORE_FORK`;
 `OUT_OF_MEMORY`, also if the system has no thread left.
 */
skillsmith_status skillsmith_background_sync_service_start(const struct skillsmith_background_sync_service *service,
                                                           struct skillsmith_error **out_error);

/*
 Stops the checks and cancels a running sync; blocks until both have ended.

 That takes about 200 ms at most, plus the time of a running callback. Calling it again
 is safe, and the service may be started again. From a callback it does not wait. Any
 thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `OPENED_BEFORE_FORK`.
 */
skillsmith_status skillsmith_background_sync_service_stop(const struct skillsmith_background_sync_service *service,
                                                          struct skillsmith_error **out_error);

/*
 Current state of the service.

 Gives an owned record: `skillsmith_background_sync_state_free`. Does not block; any
 thread may call it, callbacks included. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`,
 `OPENED_BEFORE_FORK`.
 */
skillsmith_status skillsmith_background_sync_service_get_state(const struct skillsmith_background_sync_service *service,
                                                               struct skillsmith_background_sync_state **out_state,
                                                               struct skillsmith_error **out_error);

/*
 Syncs now, on the caller's thread, whether or not a sync is due. Blocks on the network
 and the disk until the run ends; `skillsmith_background_sync_service_stop` on another
 thread ends it.

 A failed run is not an error of this function, as for `skillsmith_sync_engine_sync`.
 Gives an owned record: `skillsmith_sync_result_free`. Any thread may call it. Errors:
 `NULL_ARGUMENT`, `INVALID_HANDLE`, `DATABASE_CLOSED`, `OPENED_BEFORE_FORK`;
 `SYNC_IN_PROGRESS` while a sync of this service is running, and in its callbacks.
 */
skillsmith_status skillsmith_background_sync_service_manual_sync(const struct skillsmith_background_sync_service *service,
                                                                 struct skillsmith_sync_result **out_result,
                                                                 struct skillsmith_error **out_error);

/*
 Whether a sync of this service is running.

 False for NULL and for a service that was freed. Does not block; any thread may call it,
 callbacks included.
 */
bool skillsmith_background_sync_service_is_sync_running(const struct skillsmith_background_sync_service *service);

/*
 Whether the service is started.

 False for NULL and for a service that was freed. Does not block; any thread may call it,
 callbacks included.
 */
bool skillsmith_background_sync_service_is_service_started(const struct skillsmith_background_sync_service *service);

/*
 Stops a service, as `skillsmith_background_sync_service_stop` does, and frees it.

 NULL is a no-op. Freeing twice returns `SKILLSMITH_INVALID_HANDLE`. Any thread may call
 it, callbacks included.
 */
skillsmith_status skillsmith_background_sync_service_free(struct skillsmith_background_sync_service *service);

/*
 Frees a state with its texts and its result.

 NULL is a no-op. A pointer that is not such a record, or was already freed, returns
 `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
 */
skillsmith_status skillsmith_background_sync_state_free(struct skillsmith_background_sync_state *state);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SKILLSMITH_SYNC_H */
