/* submit.pml - a submit, its key, and a disk that may say no, for Spin.
 *
 * A client sends one submit under one key until it is answered; the daemon writes it down and answers.  A commit may be
 * done, or refused before anything was written (no space: rolled back), or end in an error of the disk after which nobody
 * knows: the row may be there or not.  The daemon may be killed between any two steps, and answers may be lost.
 *
 * Asserted: an answered job is there, and stays; one key makes one job; "refused" is said only of what is not there.
 * The faults that Spin must find (run.sh):
 *   EARLY      the answer is given before the commit
 *   NO_KEY     a second send of the same submit is a new job
 *   GUESSED    an unknown commit is answered "refused"
 *   AGAIN      an unknown commit is tried again in the same process, which has not read the disk
 */
#ifndef TROUBLES
#define TROUBLES 3 /* deaths, lost answers and errors of the disk, in sum */
#endif
#define CALLS 4 /* then the client gives up */

mtype = { NONE, YES, NO };

byte rows = 0;          /* jobs on disk under this key */
byte troubles = TROUBLES;
mtype answered = NONE;  /* what the client has heard */
byte call = 0;          /* which connection; an answer goes to the one that asked */
bool gone = false;      /* the client asks no more */
chan asks = [1] of { byte };
chan answers = [1] of { mtype };

#define TROUBLE atomic { troubles > 0 -> troubles-- }

active proctype client()
{
    mtype word;
    do
    :: answered != NONE || call == CALLS -> break
    :: answered == NONE && call < CALLS ->
       atomic { /* a new connection: what the last one was told is gone */
           do
           :: asks?_
           :: answers?_
           :: empty(asks) && empty(answers) -> break
           od;
           call++;
           asks!call
       }
       if
       :: answers?word -> answered = word
       :: true /* too long: asked again under the same key */
       fi
    od;
    gone = true
}

active proctype daemon()
{
    byte from, known; /* who asks; what this process believes to be on disk */
    mtype word;
    mtype became;
born:
    known = rows; /* read anew */
    do
    :: gone && empty(asks) -> break
    :: asks?from ->
       word = NONE;
#ifndef NO_KEY
       if
       :: known > 0 -> word = YES
       :: else
       fi;
#endif
       if
       :: word == NONE ->
#ifdef EARLY
          if
          :: atomic { from == call && nfull(answers) -> answers!YES }
          :: from != call
          fi;
          if
          :: skip
          :: TROUBLE; goto born
          fi;
#endif
commit:
          if
          :: became = YES; rows++
          :: TROUBLE; became = NO /* rolled back */
          :: TROUBLE; became = NONE; rows++ /* an error, and yet it is there */
          :: TROUBLE; became = NONE /* an error, and it is not */
          fi;
          if
          :: became == YES -> known = rows; word = YES
          :: became == NO -> word = NO
          :: became == NONE ->
#ifdef GUESSED
             word = NO
#else
#ifdef AGAIN
             goto commit
#else
             goto born /* no answer: end, begin anew, read again */
#endif
#endif
          fi
       :: else
       fi;
       assert(rows <= 1);
       assert(word != YES || rows == 1);
       assert(word != NO || rows == 0);
       if
       :: TROUBLE; goto born
       :: skip
       fi;
#ifndef EARLY
       if
       :: atomic { from == call -> answers!word }
       :: from != call
       fi
#endif
    od;
    assert(answered != YES || rows == 1);
    assert(answered != NO || rows == 0)
}
