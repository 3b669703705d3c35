story  The supervisor of a job dies: its owner had said --requeue
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 1
09:00  submit A by mina, 2h, requeue
10:00  A loses its supervisor
expect 10:00 A start   why: nothing of it lives and it may run again
expect 12:00 A end     why: two hours later, from the beginning
expect finally A COMPLETED, 2 attempts
