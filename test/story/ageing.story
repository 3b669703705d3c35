story  Small jobs keep coming, yet the big one gets its turn
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   joon Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 1
policy sjf
age    3h
past   mina big, 5h, 6 times
past   joon small, 1h, 6 times

09:00  submit S1 by joon, command small, 1h
09:05  submit B by mina, command big, 5h
09:10  submit S2 by joon, command small, 1h
09:20  submit S3 by joon, command small, 1h
10:10  submit S4 by joon, command small, 1h
11:10  submit S5 by joon, command small, 1h
expect 10:00 S2 start  why: the shortest first
expect 11:00 S3 start  why: the shortest first
expect 12:00 S4 start  why: B has waited five minutes less than three hours
expect 13:00 B start   why: it has waited over three hours and goes before everybody
expect 18:00 S5 start  why: B is over
