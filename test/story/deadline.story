story  A result nobody needs after noon is not begun after noon
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 1
09:00  submit A by mina, 4h
09:05  submit B by mina, 30m, deadline 12:00
expect 12:00 B end DEADLINE   why: its deadline passed while A had the GPU
expect finally B DEADLINE, 0 attempts
