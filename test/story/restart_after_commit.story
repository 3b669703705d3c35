story  The daemon dies after the commit and before it starts the job
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 1
09:00  daemon dies after its commit
09:00  submit A by mina, 1h
expect finally A COMPLETED
