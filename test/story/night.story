story  The long job gets the night, the short one the afternoon
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   joon Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 1
policy blend
past   mina train, 10h, 8 times
past   joon eval, 1h, 8 times
past   joon prep, 7h, 8 times

09:00  submit P by joon, command prep, 7h
10:00  submit T by mina, command train, 10h
15:00  submit E by joon, command eval, 1h
expect 16:00 E start          why: joon sees it at 17:00; the training ends in the night in any case
expect 17:00 T start          why: nothing else waits
expect tue 03:00 T end        why: ten hours later
expect tue 09:00 T seen       why: mina comes in
