story  A job that fails twice runs a third time, each time after a longer wait
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 1
09:00  submit A by mina, 10m, fails 2 times, retries 3, backoff 10m
expect 09:00 A start               why: the GPU is free
expect 09:10 A waits RetryBackoff  why: it failed and waits ten minutes
expect 09:20 A start               why: ten minutes after the first failure
expect 09:30 A waits RetryBackoff  why: it failed again and waits twice as long
expect 09:50 A start               why: twenty minutes after the second failure
expect 10:00 A end                 why: the third attempt is good
expect finally A COMPLETED, 3 attempts
