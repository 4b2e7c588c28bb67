/* SPDX-License-Identifier: MIT */
/* fcgi_const.c - the limit that doorbell-app is measured against: libfcgi with as many threads,
 * which answers every request with the same bytes.
 *
 *     fcgi_const SOCKET THREADS */
#include <fcgiapp.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tests/bench/kit.h"

static const char answer[] = "Content-Type: application/json\r\n"
                             "Cache-Control: no-store\r\n"
                             "ETag: \"0123456789abcdef\"\r\n"
                             "\r\n"
                             "{\"num\":3,\"hit\":1,\"latest\":812,\"version\":57,\"seq\":94}";

static void *serve(void *arg)
{
    const int *listener = arg;
    FCGX_Request request;

    if (FCGX_InitRequest(&request, *listener, 0))
        die("FCGX_InitRequest");
    while (FCGX_Accept_r(&request) >= 0) {
        FCGX_PutStr(answer, (int)sizeof(answer) - 1, request.out);
        FCGX_Finish_r(&request);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    int listener;

    if (argc != 3) {
        fprintf(stderr, "usage: fcgi_const SOCKET THREADS\n");
        return 64;
    }
    if (FCGX_Init() || (listener = FCGX_OpenSocket(argv[1], 128)) < 0 || chmod(argv[1], 0666))
        die(argv[1]);
    for (int64_t n = number_of(argv[2], 1, 256, "threads"); n > 1; n--) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, serve, &listener))
            die("pthread_create");
    }
    serve(&listener);
    return 0;
}
