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
 * NAME is the path below the directory, with '+' for '/'. tests/src/power_cut reads the notes. What is noted was there
 * before the call that brings it to the disk: what is written or made meanwhile is not there for certain.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One call at a time: an older copy must not take the place of a newer one. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

/* Names of files in a directory. */
struct names {
    char **all;
    size_t count;
};

static const char *watched(void) { return getenv("POWER_CUT_DIR"); }

static void *real_function(const char *name) { return dlsym(RTLD_NEXT, name); }

static int real_unlink(const char *path) {
    int (*real)(const char *) = (int (*)(const char *))real_function("unlink");
    return real(path);
}

/* The path of a note; 0 if the file is not below the watched directory. */
static int note(char *to, const char *kind, const char *path) {
    const char *dir = watched(), *notes = getenv("POWER_CUT_NOTES");
    size_t length = dir ? strlen(dir) : 0;
    if (!dir || !notes || strncmp(path, dir, length) != 0 || path[length] != '/') return 0;
    int begin = snprintf(to, PATH_MAX, "%s/%s/", notes, kind);
    if (begin >= PATH_MAX) return 0;
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

/* Copies what a file holds now. By its own descriptor: to close another one would give up the locks on it. */
static int copy(int in, const char *to) {
    char buffer[1 << 16];
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (out < 0) return 0;
    off_t at = 0;
    ssize_t length;
    while ((length = pread(in, buffer, sizeof buffer, at)) > 0) {
        if (write(out, buffer, length) != length) {
            length = -1;
            break;
        }
        at += length;
    }
    close(out);
    return length == 0;
}

/* The names in a directory that begin with a text. */
static struct names list(const char *path, const char *start) {
    struct names names = {NULL, 0};
    DIR *dir = opendir(path);
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        if (entry->d_type != DT_REG || strncmp(entry->d_name, start, strlen(start)) != 0) continue;
        char **more = realloc(names.all, (names.count + 1) * sizeof *names.all);
        if (!more) break;
        names.all = more;
        names.all[names.count++] = strdup(entry->d_name);
    }
    if (dir) closedir(dir);
    return names;
}

static void release(struct names names) {
    for (size_t at = 0; at < names.count; at++) free(names.all[at]);
    free(names.all);
}

/* The directory of the notes of removed files of a directory, and how their names start. */
static int gone_of(const char *path, char *dir, char *start) {
    char file[PATH_MAX + 2];
    snprintf(file, sizeof file, "%s/x", path);
    if (!note(dir, "gone", file)) return 0;
    dir[strlen(dir) - 1] = 0;
    char *slash = strrchr(dir, '/');
    strcpy(start, slash + 1);
    *slash = 0;
    return 1;
}

static int sync_directory(int fd, const char *path, int (*real)(int)) {
    char gone[PATH_MAX], start[PATH_MAX], file[2 * PATH_MAX], to[PATH_MAX];
    if (!gone_of(path, gone, start)) return real(fd);
    struct names present = list(path, ""), removed = list(gone, start);
    int result = real(fd), error = errno;
    for (size_t at = 0; result == 0 && at < present.count; at++) {
        snprintf(file, sizeof file, "%s/%s", path, present.all[at]);
        if (!note(to, "entries", file)) continue;
        int made = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (made >= 0) close(made);
    }
    for (size_t at = 0; result == 0 && at < removed.count; at++) {
        if (strchr(removed.all[at] + strlen(start), '+')) continue;
        snprintf(file, sizeof file, "%s/%s", gone, removed.all[at]);
        real_unlink(file);
    }
    release(present);
    release(removed);
    errno = error;
    return result;
}

static int synced(int fd, const char *name) {
    char path[PATH_MAX], to[PATH_MAX], made[PATH_MAX + 2];
    struct stat about;
    int (*real)(int) = (int (*)(int))real_function(name);
    if (!watched() || !path_of(fd, path) || fstat(fd, &about) != 0) return real(fd);
    if (strncmp(path, watched(), strlen(watched())) != 0) return real(fd);
    pthread_mutex_lock(&turn);
    int result;
    if (S_ISDIR(about.st_mode)) {
        result = sync_directory(fd, path, real);
    } else {
        int is_copied = 0;
        if (note(to, "data", path)) {
            snprintf(made, sizeof made, "%s~", to);
            is_copied = copy(fd, made);
        }
        result = real(fd);
        int error = errno;
        if (result == 0 && is_copied) rename(made, to);
        errno = error;
    }
    pthread_mutex_unlock(&turn);
    return result;
}

int fsync(int fd) { return synced(fd, "fsync"); }
int fdatasync(int fd) { return synced(fd, "fdatasync"); }

int unlink(const char *path) {
    char whole[PATH_MAX], to[PATH_MAX], entry[PATH_MAX], data[PATH_MAX];
    if (!realpath(path, whole) || !note(to, "gone", whole)) return real_unlink(path);
    pthread_mutex_lock(&turn);
    real_unlink(to);
    /* Only a file whose name was on the disk can come back. */
    if (note(entry, "entries", whole) && access(entry, F_OK) == 0) {
        if (link(whole, to) != 0) perror("power_cut: a removed file is not noted");
        real_unlink(entry);
    }
    /* Another file of that name begins anew. */
    if (note(data, "data", whole)) real_unlink(data);
    int result = real_unlink(path);
    pthread_mutex_unlock(&turn);
    return result;
}
