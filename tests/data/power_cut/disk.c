/*
 * What of a directory a disk would have kept if the power had been cut: a library that is loaded before the C
 * library. It notes what a process brought to the disk, in a directory of its own.
 *
 *   POWER_CUT_DIR     the directory that is watched, with all below it; without a slash at its end
 *   POWER_CUT_NOTES   where the notes are written:
 *     data/NAME       what a file held when it was last brought to the disk
 *     entries/NAME    there, if the file's name is on the disk too (its directory was brought there)
 *     gone/NAME       a file that was removed, until its directory was brought to the disk
 *
 * NAME is the path below the directory, with '+' for '/'. tests/src/power_cut reads the notes.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *watched(void) { return getenv("POWER_CUT_DIR"); }

/* The path of a note; 0 if the file is not below the watched directory. */
static int note(char *to, const char *kind, const char *path) {
    const char *dir = watched(), *notes = getenv("POWER_CUT_NOTES");
    size_t length = dir ? strlen(dir) : 0;
    if (!dir || !notes || strncmp(path, dir, length) != 0 || path[length] != '/') return 0;
    int begin = snprintf(to, PATH_MAX, "%s/%s/", notes, kind);
    int all = snprintf(to + begin, PATH_MAX - begin, "%s", path + length + 1);
    if (begin + all >= PATH_MAX) return 0;
    for (char *at = to + begin; *at; at++)
        if (*at == '/') *at = '+';
    return 1;
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return 1;
}

/* Copies what a file holds now. */
static int copy(const char *from, const char *to) {
    char buffer[1 << 16];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0) return 0;
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t length = -1;
    if (out >= 0) {
        while ((length = read(in, buffer, sizeof buffer)) > 0)
            if (write(out, buffer, length) != length) { length = -1; break; }
        close(out);
    }
    close(in);
    return length == 0;
}

/* The names in a directory are on the disk. */
static void keep_entries(const char *path) {
    char prefix[PATH_MAX], file[PATH_MAX + NAME_MAX + 2], to[PATH_MAX];
    DIR *dir = opendir(path);
    struct dirent *entry;
    if (!dir) return;
    while ((entry = readdir(dir))) {
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        if (entry->d_type != DT_REG || !note(to, "entries", file)) continue;
        int fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd >= 0) close(fd);
    }
    closedir(dir);
    /* What was removed from it stays so. */
    snprintf(file, sizeof file, "%s/x", path);
    if (!note(prefix, "gone", file)) return;
    prefix[strlen(prefix) - 1] = 0;
    char *base = strrchr(prefix, '/');
    *base = 0;
    const char *start = base + 1;
    if (!(dir = opendir(prefix))) return;
    while ((entry = readdir(dir))) {
        const char *rest = entry->d_name + strlen(start);
        if (strncmp(entry->d_name, start, strlen(start)) != 0 || strchr(rest, '+')) continue;
        if (entry->d_type != DT_REG) continue;
        snprintf(file, sizeof file, "%s/%s", prefix, entry->d_name);
        unlink(file);
    }
    closedir(dir);
}

static int synced(int fd, const char *name) {
    static atomic_uint number;
    char path[PATH_MAX], to[PATH_MAX], made[PATH_MAX + 32];
    struct stat about;
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    int is_noted = path_of(fd, path) && fstat(fd, &about) == 0;
    int is_file = is_noted && S_ISREG(about.st_mode) && note(to, "data", path);
    if (is_file) {
        /* Before, and not after: what is written meanwhile is not on the disk for certain. */
        snprintf(made, sizeof made, "%s~%u", to, atomic_fetch_add(&number, 1));
        is_file = copy(path, made);
    }
    int result = real(fd);
    int error = errno;
    if (result == 0 && is_file) rename(made, to);
    if (result == 0 && is_noted && S_ISDIR(about.st_mode) && watched() &&
        strncmp(path, watched(), strlen(watched())) == 0)
        keep_entries(path);
    errno = error;
    return result;
}

int fsync(int fd) { return synced(fd, "fsync"); }
int fdatasync(int fd) { return synced(fd, "fdatasync"); }

int unlink(const char *path) {
    int (*real)(const char *) = (int (*)(const char *))dlsym(RTLD_NEXT, "unlink");
    char whole[PATH_MAX], to[PATH_MAX], entry[PATH_MAX], data[PATH_MAX];
    if (realpath(path, whole) && note(to, "gone", whole)) {
        real(to);
        /* Only a file whose name was on the disk can come back. */
        if (note(entry, "entries", whole) && access(entry, F_OK) == 0) {
            if (link(whole, to) != 0 && !copy(whole, to)) real(to);
            real(entry);
        }
        /* Another file of that name begins anew. */
        if (note(data, "data", whole)) real(data);
    }
    return real(path);
}
