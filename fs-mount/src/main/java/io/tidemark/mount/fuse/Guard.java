package io.tidemark.mount.fuse;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A small shell process that ends the connection and removes the mount when this process dies.
 *
 * <p>It is needed because a killed daemon with a thread inside a request to its own mount never
 * finishes dying: that thread keeps /dev/fuse open and waits for an answer that nobody can give.
 * For the same reason the end of the pipe is not enough as a sign of death, the thread keeps that
 * open too. So the guard also gets a signal when the thread that started it dies (PR_SET_PDEATHSIG,
 * set by setpriv(1)). A shell misses a signal that comes just before it begins to read, so it also
 * looks every five seconds, or every two where setpriv is missing. It acts only if the daemon is
 * really dead and the mount still the same, ignores the signals of a terminal and of service
 * managers, and ends when told so through the pipe.
 */
final class Guard {
  private static final Logger log = LoggerFactory.getLogger(Guard.class);

  /**
   * Arguments: pid, device minor, mount point as in mountinfo, mode, and the command that detaches
   * the mount: program, options, mount point.
   */
  private static final String SCRIPT =
      """
      trap '' INT QUIT HUP TERM PIPE
      pid=$1 minor=$2 at=$3 mode=$4 program=$5 options=$6 path=$7
      abort=/sys/fs/fuse/connections/$minor/abort

      dead() {
        read -r stat 2>/dev/null </proc/$pid/stat || return 0
        set -- ${stat##*) }
        case $1 in Z | X) return 0 ;; esac
        # PF_EXITING: it may hang in the FLUSH of a file of its own mount
        [ $(($7 / 4 % 2)) -eq 1 ]
      }
      mounted() {
        while read -r a b device c point rest; do
          [ "$device" = "0:$minor" ] && [ "$point" = "$at" ] && return 0
        done </proc/self/mountinfo
        return 1
      }
      finish() {
        kill -USR1 "$poller" 2>/dev/null
        exit 0
      }
      remove() {
        trap '' USR2
        if mounted; then
          echo "tidemark guard: process $pid died, removing its mount $at" >&2
          [ -e "$abort" ] || mount -t fusectl fusectl /sys/fs/fuse/connections 2>/dev/null
          echo 1 2>/dev/null >"$abort"
          "$program" $options "$path"
        fi
        finish
      }
      # The signal says that one thread died; the process may live on, or need a while to die.
      check() {
        i=0
        while [ $i -lt 150 ]; do
          dead && remove
          sleep 0.2
          i=$((i + 1))
        done
      }

      pause=5
      [ "$mode" = poll ] && pause=2
      (
        nap=
        trap 'kill -KILL $nap; exit 0' USR1
        while :; do
          sleep $pause &
          nap=$!
          wait $nap
          kill -0 $$ || exit 0
          dead && kill -USR2 $$
        done
      ) </dev/null >/dev/null 2>&1 &
      poller=$!
      trap check USR2
      echo ready
      exec >/dev/null
      while :; do
        if read -r word; then
          [ "$word" = done ] && finish
        else
          # The pipe ended, or a signal interrupted the read.
          dead && remove
          sleep 0.2
        fi
      done
      """;

  private final Mounter mounter;
  private final Path mountPoint;
  private final int minor;
  private volatile Process process;
  private volatile boolean done;

  private Guard(Mounter mounter, Path mountPoint, int minor) {
    this.mounter = mounter;
    this.mountPoint = mountPoint;
    this.minor = minor;
  }

  static Guard start(Mounter mounter, Path mountPoint, int minor) throws MountException {
    Guard guard = new Guard(mounter, mountPoint, minor);
    // The thread must live as long as the process: the guard is told when it dies.
    Thread thread = new Thread(guard::keepRunning, "fuse-guard");
    thread.setDaemon(true);
    synchronized (guard) {
      thread.start();
      try {
        for (int i = 0; guard.process == null && i < 50; i++) {
          guard.wait(100);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    if (guard.process == null) {
      guard.done = true;
      throw new MountException(
          "cannot start the guard process (/bin/sh); without it a killed daemon could leave a mount"
              + " that hangs. Install a shell or mount without the guard");
    }
    return guard;
  }

  long pid() {
    return process.pid();
  }

  private void keepRunning() {
    while (!done) {
      try {
        Process started = launch();
        // Before its traps are set, a signal would simply kill it.
        if (started.inputReader().readLine() == null) {
          throw new IOException("it ended with status " + started.waitFor());
        }
        synchronized (this) {
          process = started;
          notifyAll();
        }
        int status = started.waitFor();
        if (!done) {
          log.warn("the guard of {} ended with status {}; starting another", mountPoint, status);
          LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1));
        }
      } catch (IOException e) {
        log.error("cannot start the guard of {}: {}", mountPoint, e.getMessage());
        LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(10));
      } catch (InterruptedException e) {
        return;
      }
    }
  }

  private Process launch() throws IOException {
    List<String> command = new ArrayList<>();
    if (Programs.find("setsid") != null) {
      command.add(Programs.find("setsid"));
    }
    boolean signalled = Programs.find("setpriv") != null && setprivCanSignal();
    if (signalled) {
      command.addAll(List.of(Programs.find("setpriv"), "--pdeathsig", "USR2"));
    }
    command.addAll(List.of("/bin/sh", "-c", SCRIPT, "tidemark-guard"));
    command.add(Long.toString(ProcessHandle.current().pid()));
    command.add(Integer.toString(minor));
    command.add(escape(mountPoint.toString()));
    command.add(signalled ? "signal" : "poll");
    command.add(mounter.detachProgram());
    command.add(mounter.detachOptions());
    command.add(mountPoint.toString());
    return new ProcessBuilder(command)
        .directory(new File("/"))
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  /** The setpriv of small systems has no such option. */
  private static boolean setprivCanSignal() throws IOException {
    Process probe =
        new ProcessBuilder(Programs.find("setpriv"), "--pdeathsig", "USR2", "/bin/sh", "-c", ":")
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      return probe.waitFor(5, TimeUnit.SECONDS) && probe.exitValue() == 0;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /** As mountinfo writes it. */
  private static String escape(String path) {
    return path.replace("\\", "\\134")
        .replace(" ", "\\040")
        .replace("\t", "\\011")
        .replace("\n", "\\012");
  }

  /** The mount is gone in good order. */
  void end() {
    done = true;
    Process current = process;
    if (current == null) {
      return;
    }
    try (var pipe = current.getOutputStream()) {
      pipe.write("done\n".getBytes(StandardCharsets.US_ASCII));
    } catch (IOException e) {
      log.debug("the guard has ended already: {}", e.getMessage());
    }
  }
}
