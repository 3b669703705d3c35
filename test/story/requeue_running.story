story  A running job is sent back to the queue
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 1
09:00  submit A by mina, 2h
10:00  requeue A
expect 10:00 A start   why: it was stopped and is next in line again
expect 12:00 A end     why: two hours from the beginning
expect finally A COMPLETED, 2 attempts
