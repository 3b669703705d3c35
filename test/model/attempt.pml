/* attempt.pml - one job, its attempts, and whoever may die in between (doc/attempts.md), for Spin.
 *
 * What lies on disk outlives processes: the store's row, and per attempt `directory`, `lock` (given up by the kernel when
 * its holder dies), `claim`, `exit`.  A power cut takes all processes and every name that was not synced.  Deaths are
 * bounded by DEATHS, so that every run ends; where they fall is free, of a supervisor, a launcher (with its order), the
 * daemon, or all at once.
 *
 * Asserted: an attempt's command begins at most once; two attempts never run together (they would share a GPU); an end is
 * told only of an attempt that left one; a lost one has no process left.  That each run ends is Spin's own check: no
 * process may be left waiting, and the daemon's only good last state is that the job is over.
 *
 * With one of the names below the model has a fault, and Spin must find it (run.sh):
 *   NO_CLAIM     the supervisor begins without making `claim`
 *   NO_SYNC      ... before `claim` is synced
 *   EARLY        a lost attempt is tried again before its processes are gone
 *   EXIT_FIRST   recovery looks at `exit`, waits for the lock, and does not look again
 * With these two it has none, because `claim` decides alone; they save attempts that would come to nothing:
 *   NO_DRAIN     the next daemon does not wait for the orders that the last launcher still has
 *   FREE_LOCK    the supervisor takes the lock, rather than being given it by the launcher
 */
#ifndef DEATHS
#define DEATHS 2
#endif
#define ATTEMPTS 3 /* names of one job; each recovery that must, begins another */

mtype = { WAITING, STARTING, OVER, LOST };

/* on disk */
mtype state = WAITING; /* the store's row, always synced: a commit is one step */
byte attempt = 0;      /* number of the last attempt that was committed */
bool directory[ATTEMPTS], claim[ATTEMPTS], claim_synced[ATTEMPTS], ended[ATTEMPTS], ended_synced[ATTEMPTS];

/* in memory, or the kernel's */
bool locked[ATTEMPTS];     /* held by launcher or supervisor of this attempt */
byte tree[ATTEMPTS];       /* processes of the attempt */
byte began[ATTEMPTS];      /* how often its command began */
bool told[ATTEMPTS];       /* its message is on the way to the daemon */
#ifdef NO_DRAIN
#define DRAINED skip
#else
#define DRAINED (len(orders) == 0 && !launching)
#endif

chan orders = [ATTEMPTS] of { byte };
bool launching = false;    /* the launcher is in the middle of an order */
bool finished = false;     /* the daemon has seen what it waits for */
byte deaths = DEATHS;
byte cuts = 0;             /* power cuts so far: whoever remembers another number is dead */

#define DIE(what) (deaths > 0 && what)

inline end_tree(n) { tree[n] = 0 }

inline check_running(n)
{
    byte k = 0;
    do
    :: k < ATTEMPTS -> assert(k == n || tree[k] == 0); k++
    :: else -> break
    od
}

/* One attempt's supervisor: from the lock to the end.  It may be killed before each step; its command dies with it, what
 * the command left behind may not. */
proctype supervisor(byte n; byte era)
{
    bool mine = false;
#ifdef FREE_LOCK
    if
    :: atomic { era == cuts && !locked[n] -> locked[n] = true }
    :: era != cuts -> goto dead
    fi;
#endif
    if
    :: era == cuts
    :: atomic { DIE(era == cuts) -> deaths-- }; goto killed
    :: era != cuts -> goto dead
    fi;
    atomic {
        if
        :: era != cuts -> goto dead
        :: else
        fi;
#ifndef NO_CLAIM
        mine = !claim[n];
        claim[n] = true;
#else
        mine = true
#endif
    }
    if
    :: !mine -> goto killed /* recovery was there first: this attempt never runs */
    :: else
    fi;
#if !defined(NO_SYNC) && !defined(NO_CLAIM)
    if
    :: era == cuts -> claim_synced[n] = true
    :: atomic { DIE(era == cuts) -> deaths-- }; goto killed
    :: era != cuts -> goto dead
    fi;
#endif
    atomic {
        if
        :: era != cuts -> goto dead
        :: else
        fi;
        began[n]++;
        assert(began[n] <= 1);
        check_running(n);
        tree[n] = 2 /* the command, and something that it started */
    }
    if
    :: atomic { era == cuts -> end_tree(n) }
    :: atomic { DIE(era == cuts) -> deaths--; tree[n] = 1 }; goto killed /* the command dies with us, the other lives on */
    :: era != cuts -> goto dead
    fi;
    if
    :: atomic { era == cuts -> ended[n] = true; told[n] = true }
    :: atomic { DIE(era == cuts) -> deaths-- }; goto killed
    :: era != cuts -> goto dead
    fi;
    if
    :: era == cuts -> ended_synced[n] = true
    :: atomic { DIE(era == cuts) -> deaths-- }
    :: era != cuts -> goto dead
    fi;
killed:
    atomic {
        if
        :: era == cuts -> locked[n] = false; :: else
        fi
    }
dead:
    skip
}

/* Takes orders until the daemon that gave them is gone and none is left. */
proctype launcher(byte era)
{
    byte n;
    do
    :: atomic { era == cuts && nempty(orders) -> orders?n; launching = true };
       if
       :: atomic { DIE(era == cuts) -> deaths-- }
       :: era != cuts -> break
       :: atomic {
            era == cuts ->
            if
            :: directory[n] /* a second launch of the same attempt */
            :: else ->
               directory[n] = true;
#ifndef FREE_LOCK
               locked[n] = true;
#endif
               run supervisor(n, era)
            fi
          }
       fi;
       atomic {
           if
           :: era == cuts -> launching = false
           :: else -> break
           fi
       }
    :: era != cuts -> break
    :: finished && empty(orders) -> break
    od
}

/* A death of the daemon: of it alone, or of everything that runs and every name that is not synced. */
inline die()
{
    deaths--;
    if
    :: skip
    :: cuts++;
       k = 0;
       do
       :: k < ATTEMPTS ->
          locked[k] = false;
          tree[k] = 0;
          told[k] = false;
          claim[k] = claim_synced[k];
          ended[k] = ended_synced[k];
          k++
       :: else -> break
       od;
       do
       :: nempty(orders) -> orders?_
       :: empty(orders) -> break
       od;
       launching = false
    fi
}
#define OR_DIE :: atomic { deaths > 0 -> die() }; goto again

/* The daemon, from one death to the next.  What it knows is what the store says. */
active proctype daemon()
{
    byte n, k;
    bool held;
    byte era = 0;
    run launcher(0);
again: /* a new daemon; the launcher of the one before has drained its orders */
    if
    :: cuts != era -> era = cuts; run launcher(era)
    :: else
    fi;
    DRAINED;
    if
    :: state == OVER -> goto done
    :: state == STARTING -> n = attempt - 1; goto recover
    :: state != OVER && state != STARTING && attempt == ATTEMPTS -> goto done /* seen enough */
    :: state != OVER && state != STARTING && attempt < ATTEMPTS
    fi;
    atomic { /* committed ... */
        n = attempt;
        attempt++;
        state = STARTING
    }
    if
    :: orders!n /* ... then ordered */
    OR_DIE
    fi;
    if
    :: atomic { told[n] -> assert(ended[n]); state = OVER }; goto done
    :: goto recover /* somebody is silent */
    OR_DIE
    fi;

recover:
    DRAINED;
#ifdef EXIT_FIRST
    held = ended[n];
    if
    :: !locked[n]
    OR_DIE
    fi;
    if
    :: held -> goto over
    :: else
    fi;
#else
    if
    :: !locked[n] /* as long as it is held it is followed */
    OR_DIE
    fi;
    if
    :: ended[n] -> goto over
    :: else
    fi;
#endif
    atomic { directory[n] = true; held = claim[n]; claim[n] = true; claim_synced[n] = true }
    if
    :: atomic { !held -> assert(began[n] == 0); state = WAITING }; goto again /* it never ran and never can */
    :: held
    OR_DIE /* the claim is nobody's then: the next says LOST */
    fi;
#ifndef EXIT_FIRST
    if
    :: !locked[n]
    OR_DIE
    fi;
    if
    :: ended[n] -> goto over
    :: else
    fi;
#endif
#ifndef EARLY
    end_tree(n); /* killed, and waited for until nothing of it is left */
#endif
    atomic { assert(!ended[n]); state = LOST } /* and its owner wants it tried again */
    goto again;
over:
    atomic { assert(ended[n]); state = OVER };
done:
    finished = true
}
