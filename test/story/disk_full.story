story  A full disk refuses the submit and loses nothing that was promised
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 1
09:00  submit A by mina, 1h
09:30  daemon disk is full
09:30  submit B by mina, 1h
10:30  submit C by mina, 1h
expect 10:00 A end    why: running work goes on
expect 10:30 C start  why: there is room again
expect finally A COMPLETED, 1 attempt
