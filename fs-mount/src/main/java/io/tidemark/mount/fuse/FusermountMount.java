package io.tidemark.mount.fuse;

import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Mounts without root through the set-user-id program fusermount3, which opens /dev/fuse, mounts,
 * and sends the descriptor over a socket (SCM_RIGHTS, unix(7)). The socket must be inherited, which
 * {@link ProcessBuilder} does not allow; so the program is started by posix_spawn(3).
 */
final class FusermountMount implements Mounter {
  private static final int AF_UNIX = 1;
  private static final int SOCK_STREAM_CLOEXEC = 1 | 0x80000;
  private static final int MSG_CMSG_CLOEXEC = 0x40000000;

  /** More than sizeof(posix_spawn_file_actions_t), which is 80 in glibc. */
  private static final int FILE_ACTIONS_SIZE = 256;

  /** Descriptor number of the socket inside fusermount3. */
  private static final int CHILD_SOCKET = 3;

  private static final Path FUSE_CONF = Path.of("/etc/fuse.conf");

  @Override
  public boolean isRoot() {
    return false;
  }

  @Override
  public void checkUsable() throws MountException {
    program();
  }

  private static String program() throws MountException {
    for (String name : List.of("fusermount3", "fusermount")) {
      String program = Programs.find(name);
      if (program != null) {
        return program;
      }
    }
    throw new MountException(
        "fusermount3 was not found, and only root can mount without it; install the package fuse3"
            + " (Debian, Ubuntu, Fedora, Alpine) or start as root");
  }

  @Override
  public int mount(Path mountPoint, MountOptions options) throws MountException {
    String program = program();
    checkAllowOther(options);
    String mountOptions =
        "nosuid,nodev,default_permissions,subtype=tidemark,fsname=%s,max_read=%d%s"
            .formatted(
                options.fsName(),
                MountOptions.MAX_WRITE,
                options.allowOther() ? ",allow_other" : "");
    int[] sockets = pair();
    int[] errors = pipe();
    try {
      int pid =
          spawn(
              List.of(program, "-o", mountOptions, "--", mountPoint.toString()),
              sockets[1],
              errors[1]);
      // Ours must be the only open copies, or the reads below would not see the end.
      sockets[1] = closed(sockets[1]);
      errors[1] = closed(errors[1]);
      int fd = receive(sockets[0]);
      String said = drain(errors[0]);
      int status = await(pid);
      if (fd < 0) {
        throw new MountException(
            "fusermount3 could not mount on %s (exit status %d): %s"
                .formatted(mountPoint, status, said.isEmpty() ? "it gave no reason" : said));
      }
      return fd;
    } finally {
      Native.close(sockets[0]);
      Native.close(sockets[1]);
      Native.close(errors[0]);
      Native.close(errors[1]);
    }
  }

  private static void checkAllowOther(MountOptions options) throws MountException {
    if (!options.allowOther()) {
      return;
    }
    try {
      if (Files.exists(FUSE_CONF)
          && Files.readAllLines(FUSE_CONF).stream()
              .map(String::trim)
              .anyMatch("user_allow_other"::equals)) {
        return;
      }
    } catch (IOException e) {
      throw new MountException("cannot read " + FUSE_CONF, e);
    }
    throw new MountException(
        "other users may use a mount made without root only if /etc/fuse.conf has a line"
            + " user_allow_other; add it, or switch allow-other off");
  }

  private static int[] pair() throws MountException {
    ByteBuffer fds = Native.scratch(8);
    if (Native.C.socketpair(AF_UNIX, SOCK_STREAM_CLOEXEC, 0, Native.address(fds)) < 0) {
      throw new MountException("socketpair failed: " + Errno.name(Native.errno()));
    }
    return new int[] {fds.getInt(0), fds.getInt(4)};
  }

  private static int[] pipe() throws MountException {
    ByteBuffer fds = Native.scratch(8);
    if (Native.C.pipe2(Native.address(fds), Native.O_CLOEXEC) < 0) {
      throw new MountException("pipe failed: " + Errno.name(Native.errno()));
    }
    return new int[] {fds.getInt(0), fds.getInt(4)};
  }

  private static int closed(int fd) {
    Native.close(fd);
    return -1;
  }

  private static int spawn(List<String> command, int socket, int stderr) throws MountException {
    ByteBuffer pid = Native.scratch(4);
    ByteBuffer actions = Native.scratch(FILE_ACTIONS_SIZE);
    long actionsAddress = Native.address(actions);
    List<ByteBuffer> keep = new ArrayList<>();
    ByteBuffer argv = strings(command, keep);
    ByteBuffer environment =
        strings(List.of("PATH=/usr/bin:/bin", "LC_ALL=C", "_FUSE_COMMFD=" + CHILD_SOCKET), keep);
    Native.C.posix_spawn_file_actions_init(actionsAddress);
    int errno;
    try {
      // dup2 clears close-on-exec on the copy. Standard error first: it may be number 3 itself.
      Native.C.posix_spawn_file_actions_adddup2(actionsAddress, stderr, 2);
      Native.C.posix_spawn_file_actions_adddup2(actionsAddress, socket, CHILD_SOCKET);
      errno =
          Native.C.posix_spawn(
              Native.address(pid),
              Native.cString(command.get(0)),
              actionsAddress,
              0,
              Native.address(argv),
              Native.address(environment));
    } finally {
      Native.C.posix_spawn_file_actions_destroy(actionsAddress);
    }
    keep.clear();
    if (errno != 0) {
      throw new MountException("cannot start " + command.get(0) + ": " + Errno.name(errno));
    }
    return pid.getInt(0);
  }

  /** A NULL-terminated array of C strings; {@code keep} holds the strings themselves. */
  private static ByteBuffer strings(List<String> texts, List<ByteBuffer> keep) {
    ByteBuffer array = Native.scratch(8 * (texts.size() + 1));
    for (String text : texts) {
      byte[] bytes = Native.cString(text);
      ByteBuffer string = Native.scratch(bytes.length).put(0, bytes);
      keep.add(string);
      array.putLong(Native.address(string));
    }
    keep.add(array);
    return array;
  }

  /** Receives one descriptor; -1 when the other side closed without sending one. */
  private static int receive(int socket) {
    ByteBuffer bytes = Native.scratch(8);
    ByteBuffer vector = Native.scratch(16);
    vector.putLong(0, Native.address(bytes)).putLong(8, 1);
    ByteBuffer control = Native.scratch(64);
    // struct msghdr: name 0, namelen 8, iov 16, iovlen 24, control 32, controllen 40, flags 48
    ByteBuffer message = Native.scratch(56);
    message.putLong(16, Native.address(vector)).putLong(24, 1);
    message.putLong(32, Native.address(control)).putLong(40, control.capacity());
    long n;
    do {
      n = Native.C.recvmsg(socket, Native.address(message), MSG_CMSG_CLOEXEC);
    } while (n < 0 && Native.errno() == Errno.EINTR);
    // struct cmsghdr: len 0, level 8, type 12, then the descriptor
    boolean received = n > 0 && message.getLong(40) >= 20 && control.getInt(12) == 1;
    int fd = received ? control.getInt(16) : -1;
    Reference.reachabilityFence(bytes);
    Reference.reachabilityFence(vector);
    return fd;
  }

  private static String drain(int fd) {
    ByteBuffer buffer = Native.scratch(4096);
    StringBuilder text = new StringBuilder();
    while (true) {
      long n = Native.C.read(fd, Native.address(buffer), buffer.capacity());
      if (n <= 0) {
        return text.toString().trim();
      }
      byte[] bytes = new byte[(int) n];
      buffer.get(0, bytes);
      text.append(new String(bytes, StandardCharsets.UTF_8));
    }
  }

  private static int await(int pid) {
    ByteBuffer status = Native.scratch(4);
    while (Native.C.waitpid(pid, Native.address(status), 0) < 0) {
      if (Native.errno() != Errno.EINTR) {
        return -1;
      }
    }
    return status.getInt(0) >> 8 & 0xff;
  }

  @Override
  public boolean unmount(Path mountPoint) throws MountException {
    String said = run(List.of(program(), "-u", "--", mountPoint.toString()));
    if (said != null && said.contains("busy")) {
      return false;
    }
    if (said != null) {
      throw new MountException("cannot unmount " + mountPoint + ": " + said);
    }
    return true;
  }

  @Override
  public void detach(Path mountPoint) throws MountException {
    String said = run(List.of(program(), "-u", "-z", "--", mountPoint.toString()));
    if (said != null) {
      throw new MountException("cannot unmount " + mountPoint + ": " + said);
    }
  }

  @Override
  public String detachProgram() throws MountException {
    return program();
  }

  @Override
  public String detachOptions() {
    return "-u -z --";
  }

  /** Returns null on success, else what the program said. */
  private static String run(List<String> command) throws MountException {
    try {
      ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
      builder.environment().put("LC_ALL", "C");
      Process process = builder.start();
      process.getOutputStream().close();
      String said =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).trim();
      if (!process.waitFor(10, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new MountException(command.get(0) + " does not end");
      }
      return process.exitValue() == 0
          ? null
          : said.isEmpty() ? "exit status " + process.exitValue() : said;
    } catch (IOException e) {
      if (e instanceof MountException known) {
        throw known;
      }
      throw new MountException("cannot run " + command.get(0) + ": " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new MountException("interrupted while unmounting", e);
    }
  }
}
