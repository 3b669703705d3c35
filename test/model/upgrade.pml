/* upgrade.pml - a store, and the programs of two versions that open it one after another, for Spin.
 *
 * A newer program copies the store, then takes it to its own form in steps of one transaction, and may be killed at any
 * moment.  An older program may be started again in between (somebody goes back).  Forms are 1 (old) and 2 (new); a store
 * that is neither is a half.
 *
 * Asserted: a program reads only a store of its own form; what was written down is never lost; the older program leaves a
 * newer store as it is.  The faults that Spin must find (run.sh):
 *   NO_COPY    no copy is made before: a store that a bad migration spoilt has nothing to go back to
 *   PIECEMEAL  each step of the migration is committed by itself
 *   BLIND      the older program does not look which form the store has
 *   TOUCHES    ... looks, but writes its own number first
 */
#ifndef DEATHS
#define DEATHS 3
#endif
#define STEPS 3

byte deaths = DEATHS;
byte form = 1;      /* what the store says of itself */
byte moved = 0;     /* steps of its rows that have the new form */
bool copied = false; /* a copy of the old store lies beside it */
bool spoilt = false; /* a fault of the migration, noticed by nobody yet */
byte starts = 0;

#define DIE atomic { deaths > 0 -> deaths-- }

inline read_as(version)
{
    assert(version == 1 && form == 1 && moved == 0 || version == 2 && form == 2 && moved == STEPS)
}

proctype newer()
{
    byte done = 0;
    if
    :: form == 2 -> goto serve
    :: form == 1
    fi;
#ifndef NO_COPY
    if
    :: copied = true
    :: DIE; goto killed
    fi;
#endif
    do
    :: done < STEPS ->
#ifdef PIECEMEAL
       moved = done + 1; /* committed */
#endif
       done++;
       if
       :: skip
       :: DIE; goto killed /* the transaction is rolled back: nothing of it was ever there */
       fi
    :: done == STEPS -> break
    od;
    atomic { /* COMMIT: all of it, or by a kill before, nothing */
        form = 2;
        moved = STEPS;
        assert(copied);
        if
        :: spoilt = true
        :: skip
        fi
    }
    if
    :: spoilt -> atomic { assert(copied); form = 1; moved = 0; spoilt = false } /* its owner goes back to the copy */
    :: !spoilt -> goto serve
    fi;
    goto killed;
serve:
    read_as(2);
killed:
    starts--
}

proctype older()
{
    byte before = form;
#ifdef BLIND
    read_as(1);
#else
#ifdef TOUCHES
    form = 1;
#endif
    if
    :: before == 1 -> read_as(1)
    :: before != 1 -> skip /* refused: the store is newer */
    fi;
    assert(form == before);
#endif
    starts--
}

/* One program has the store at a time: it lies under a lock. */
init
{
    byte n = 0;
    do
    :: n < DEATHS + 2 ->
       n++;
       starts++;
       if
       :: run newer()
       :: run older()
       fi;
       starts == 0
    :: n == DEATHS + 2 -> break
    od
}
