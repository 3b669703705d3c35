story  The limit of an array is raised while it runs
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 4
09:00  submit A by mina, 2h, array 0-3%1
09:30  set A running 3
expect 09:00 A_0 start  why: one at a time
expect 09:30 A_1 start  why: now three may run
expect 09:30 A_2 start  why: now three may run
expect 11:00 A_3 start  why: A_0 is over
