package io.tidemark.it;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Processes that commit as fast as they can and tell over a pipe which COMMITs returned.
 *
 * <p>The pipe is read to its end after they stopped, so that an acknowledgement that was written
 * before the kill counts.
 */
final class CrashWorkers implements AutoCloseable {
  // SQLite alone may lose the last transaction of DELETE mode in a power loss unless told EXTRA: it
  // does not sync the directory after the journal's unlink. The program promises more.
  private static final String SYNCHRONOUS = Settings.plain() ? "EXTRA" : "FULL";

  private final List<Process> processes = new ArrayList<>();
  private final List<Thread> readers = new ArrayList<>();
  private final Map<Integer, Long> acknowledged = new TreeMap<>();
  private final Map<Integer, String> ends = new TreeMap<>();
  private final AtomicInteger acknowledgements = new AtomicInteger();

  private CrashWorkers() {}

  static CrashWorkers start(String journalMode, int count, long seed, List<Path> databases)
      throws IOException {
    CrashWorkers workers = new CrashWorkers();
    for (int worker = 0; worker < count; worker++) {
      List<String> words = new ArrayList<>();
      words.add(Settings.python());
      words.add(Settings.script("crash_worker.py").toString());
      words.addAll(List.of(journalMode, SYNCHRONOUS, "" + worker, "" + (seed * 31 + worker)));
      databases.forEach(path -> words.add(path.toString()));
      Process process = new ProcessBuilder(words).redirectErrorStream(true).start();
      workers.processes.add(process);
      int number = worker;
      Thread reader = new Thread(() -> workers.read(number, process), "worker " + worker);
      reader.setDaemon(true);
      reader.start();
      workers.readers.add(reader);
    }
    return workers;
  }

  private void read(int worker, Process process) {
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        if (line.startsWith("ACK ") || line.startsWith("READY ")) {
          synchronized (acknowledged) {
            acknowledged.put(worker, Long.parseLong(line.substring(line.indexOf(' ') + 1)));
          }
          if (line.startsWith("ACK ")) {
            acknowledgements.incrementAndGet();
          }
        } else {
          synchronized (acknowledged) {
            ends.merge(worker, line, (a, b) -> a + " | " + b);
          }
        }
      }
    } catch (IOException e) {
      synchronized (acknowledged) {
        ends.put(worker, e.toString());
      }
    }
  }

  int acknowledgements() {
    return acknowledgements.get();
  }

  boolean anyAlive() {
    return processes.stream().anyMatch(Process::isAlive);
  }

  /** What the workers said last, worker by worker, for messages. */
  String ends() {
    synchronized (acknowledged) {
      return ends.toString();
    }
  }

  /** Kills those that still run, and returns the last acknowledged transaction of each. */
  Map<Integer, Long> stop() {
    processes.forEach(Process::destroyForcibly);
    try {
      for (Process process : processes) {
        if (!process.waitFor(30, TimeUnit.SECONDS)) {
          throw new AssertionError("worker " + process.pid() + " cannot be killed: hung mount?");
        }
      }
      for (Thread reader : readers) {
        reader.join(Duration.ofSeconds(30).toMillis());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
    synchronized (acknowledged) {
      return new TreeMap<>(acknowledged);
    }
  }

  @Override
  public void close() {
    processes.forEach(Process::destroyForcibly);
  }
}
