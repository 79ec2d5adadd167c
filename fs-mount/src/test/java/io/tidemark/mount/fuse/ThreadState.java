package io.tidemark.mount.fuse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * How the kernel schedules a thread.
 *
 * @param cpus where it may run, as in {@code 0-3,8}
 */
public record ThreadState(int tid, String name, boolean idlePolicy, String cpus) {
  private static final int SCHED_IDLE = 5;

  static ThreadState of(int tid) {
    return read(Path.of("/proc/self/task/" + tid));
  }

  /** Null when it has ended. */
  private static ThreadState read(Path task) {
    try {
      String stat = Files.readString(task.resolve("stat"));
      // proc(5): field 3 follows the name; the policy is field 41
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
      String cpus =
          Files.readAllLines(task.resolve("status")).stream()
              .filter(line -> line.startsWith("Cpus_allowed_list:"))
              .map(line -> line.substring(line.indexOf(':') + 1).strip())
              .findFirst()
              .orElseThrow();
      return new ThreadState(
          Integer.parseInt(task.getFileName().toString()),
          stat.substring(stat.indexOf('(') + 1, stat.lastIndexOf(')')),
          Integer.parseInt(fields[38]) == SCHED_IDLE,
          cpus);
    } catch (IOException e) {
      return null;
    }
  }

  /**
   * Threads of a process that are not scheduled as its first one is, but for those of {@link
   * AwakeCpu}.
   */
  public static List<ThreadState> unusual(long pid) {
    Path tasks = Path.of("/proc/" + pid + "/task");
    ThreadState first = read(tasks.resolve(Long.toString(pid)));
    List<ThreadState> found = new ArrayList<>();
    try (Stream<Path> all = Files.list(tasks)) {
      for (Path task : all.toList()) {
        ThreadState state = read(task);
        if (state != null
            && !state.name.startsWith("awake-")
            && (state.idlePolicy || !state.cpus.equals(first.cpus))) {
          found.add(state);
        }
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return found;
  }

  /** Threads of this process that are bound to a client's CPU. */
  static List<ThreadState> sharing() {
    return unusual(ProcessHandle.current().pid()).stream()
        .filter(state -> state.idlePolicy && state.cpus.matches("\\d+"))
        .toList();
  }
}
