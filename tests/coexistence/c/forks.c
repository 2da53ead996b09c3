/* After a fork: the child neither uses nor closes what it inherited, whatever it does with it. */
#define _GNU_SOURCE
#include "rig.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

typedef void child_act(const rig *r, party *inherited, long long rows);

static void in_child(child_act *act, const rig *r, party *inherited, long long rows) {
  pid_t child = fork();
  if (child < 0) broken("no process");
  if (child == 0) {
    alarm(30);
    act(r, inherited, rows);
    exit(0);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child) broken("the child is gone");
  if (WIFSIGNALED(status)) violated("the child died of signal %d (%d: it hung)", WTERMSIG(status), SIGALRM);
  if (WEXITSTATUS(status) != 0) violated("the child failed with %d", WEXITSTATUS(status));
}

/* Our write transaction, and then the host's, with a child that does `act` in the midst of each. */
static void around(rig *r, child_act *act) {
  party *theirs = host(r->path, IMPATIENT), *other = outsider(r->path, IMPATIENT);
  party *we = ours(r->path, IMPATIENT);
  party *all[] = {we, theirs, other};
  long long rows = 0;
  for (int turn = 0; turn < 2; turn++) {
    party *writer = turn == 0 ? we : theirs;
    in_child(act, r, we, rows);
    must_exec(writer, "BEGIN IMMEDIATE");
    insert(writer, "before");
    in_child(act, r, we, rows);
    all_out("after the child", turn == 0 ? theirs : we, turn == 0 ? "the host" : "ours", other, "an outsider", NULL);
    files_stand(r);
    insert(writer, "after");
    must_exec(writer, "COMMIT");
    rows += 2;
    for (int i = 0; i < 3; i++) {
      same(number(all[i], ROWS), rows, "rows");
      insert(all[i], "any");
      rows++;
    }
  }
  for (int i = 0; i < 3; i++) leave(all[i]);
  sound(r, rows);
}

static void nothing(const rig *r, party *inherited, long long rows) {
  (void)r, (void)inherited, (void)rows;
}

static void close_it(const rig *r, party *inherited, long long rows) {
  (void)r, (void)rows;
  leave(inherited);
}

static void open_own(const rig *r, party *inherited, long long rows) {
  (void)inherited;
  party *own = ours(r->path, IMPATIENT);
  if (!own) violated("the child cannot open the database");
  same(number(own, ROWS), rows, "rows that the child sees");
  leave(own);
}

/* The child just ends. */
void fork_exit(rig *r) { around(r, nothing); }

/* The child closes the connection that it inherited. */
void fork_close(rig *r) { around(r, close_it); }

/* The child opens a connection of its own: another process like any other. */
void fork_open(rig *r) { around(r, open_own); }
