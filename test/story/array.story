story  An array of six, two at a time, though four GPUs are free
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 4
09:00  submit A by mina, 1h, array 1-6%2
09:30  submit B by mina, 15m
12:30  submit C by mina, 10m, afterok A
expect 09:00 A_1 start                     why: first of the array
expect 09:00 A_2 start                     why: two may run
expect 09:00 A_3 waits JobArrayTaskLimit   why: two run already
expect 09:30 B start                       why: the limit is the array's alone
expect 10:00 A_3 start                     why: a task is over
expect 11:00 A_6 start                     why: the last of six
expect 12:30 C start                       why: all six ended well
