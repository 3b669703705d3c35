story  The supervisor of a job dies: without a word from its owner it is not run again
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 1
09:00  submit A by mina, 2h
10:00  A loses its supervisor
expect 10:00 A end NODE_FAIL   why: nobody knows how it ended, and nobody guesses
expect finally A NODE_FAIL, 1 attempt
