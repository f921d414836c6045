"""The gateway: the program that samples talk to instead of the service.

Bytes to meaning, each module using only those above it:

    limits      what one client may cost
    problems    what went wrong inside, for standard error and `health`
    control     the messages of the control listener
    reading     bytes → whole requests (no I/O)
    tls         certificates, and TLS over bytes (no I/O)
    answers     what goes back
    journal     what arrived in a run
    crowd       connections that share limits
    protocol    one connection: reading, answering in order, time limits
    names       which hosts are answered for
    entra       what the sign-in host answers
    replay      what the API host answers
    run         one run: its credentials, its journal, who answers what
    orders      whether an order for a run can be carried out
    server      the runs and their listeners
    control_api the control listener
    client      the other side of it, for a session
"""
