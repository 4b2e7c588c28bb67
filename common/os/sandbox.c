/* SPDX-License-Identifier: MIT */
/* sandbox.c - the seccomp filter of a program that serves. The idea: a list of what it never needs,
 * not of what it may do. That would be stronger, and would break at the next libc, libpq or libcurl
 * that makes its threads or asks for the time by another call; here nothing changes for what is not
 * named. And what is refused fails, it does not kill: a library that tries and goes on is no
 * reason to end, and an attacker gains nothing by the difference. */
#define _GNU_SOURCE /* CLONE_THREAD */
#include "common/os/sandbox.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "common/os/log.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

#ifdef DOORBELL_TRACEABLE
static const bool is_traceable = true;
#else
static const bool is_traceable = false;
#endif

/* Those that the architecture does not have, libseccomp passes over. */
static const int refused[] = {
    /* other programs and processes; clone() is below */
    SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_open),
    SCMP_SYS(pidfd_getfd), SCMP_SYS(kcmp),
    /* other users */
    SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setreuid), SCMP_SYS(setregid), SCMP_SYS(setresuid),
    SCMP_SYS(setresgid), SCMP_SYS(setfsuid), SCMP_SYS(setfsgid), SCMP_SYS(setgroups),
    SCMP_SYS(capset),
    /* another view of the file system */
    SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot),
    SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount), SCMP_SYS(fspick), SCMP_SYS(mount_setattr), SCMP_SYS(unshare),
    SCMP_SYS(setns), SCMP_SYS(open_by_handle_at), SCMP_SYS(mknod), SCMP_SYS(mknodat),
    /* parts of the kernel that are large, rarely needed, and often where its faults are */
    SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register), SCMP_SYS(keyctl), SCMP_SYS(add_key),
    SCMP_SYS(request_key), SCMP_SYS(personality), SCMP_SYS(modify_ldt), SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    /* the machine */
    SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load), SCMP_SYS(reboot), SCMP_SYS(swapon), SCMP_SYS(swapoff),
    SCMP_SYS(acct), SCMP_SYS(syslog), SCMP_SYS(settimeofday), SCMP_SYS(clock_settime),
    SCMP_SYS(clock_adjtime), SCMP_SYS(adjtimex), SCMP_SYS(sethostname), SCMP_SYS(setdomainname)};

/* The relay is called, and calls nobody, unless it is one of several: neither the database nor the
 * rest of the network. */
static const int refused_in_relay[] = {SCMP_SYS(socket), SCMP_SYS(connect)};

static int refuse(scmp_filter_ctx filter, const int *calls, size_t count)
{
    int result = 0;

    for (size_t i = 0; i < count && result == 0; i++)
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 0);
    return result;
}

/* A thread may be made, a process may not. The flags of clone3() are in memory, where a filter
 * cannot look: libc takes clone() where the kernel does not know the newer call. */
static int refuse_processes(scmp_filter_ctx filter)
{
    int result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                  SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));

    return result ? result : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static int load_filter(scmp_filter_ctx filter, enum program program, bool may_connect)
{
    int result = refuse(filter, refused, COUNT(refused));

    if (!result && program == PROGRAM_RELAY && !may_connect)
        result = refuse(filter, refused_in_relay, COUNT(refused_in_relay));
    if (!result)
        result = refuse_processes(filter);
    return result ? result : seccomp_load(filter);
}

enum err sandbox_enter(enum program program, bool may_connect)
{
    scmp_filter_ctx filter;
    int result;

    if (is_traceable)
        return ERR_NONE;
    filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter)
        return ERR_NO_MEMORY;
    result = load_filter(filter, program, may_connect);
    seccomp_release(filter);
    if (!result)
        return ERR_NONE;
    log_error(
        "the kernel takes no seccomp filter: %s; set seccomp = no in [%s] to serve without it",
        strerror(-result), program == PROGRAM_APP ? "app" : "relay");
    return ERR_INVALID;
}
