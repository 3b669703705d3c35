story  To the front of one's own
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 1
policy fifo
09:00  submit A by mina, 1h
09:01  submit B by mina, 1h
09:02  submit C by mina, 1h
09:30  first C
expect 10:00 C start  why: mina put it before B
expect 11:00 B start  why: it is next
