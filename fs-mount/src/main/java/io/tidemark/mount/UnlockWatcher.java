package io.tidemark.mount;

import io.tidemark.database.Database;
import io.tidemark.database.MainFile;
import io.tidemark.mount.fuse.OwnMountFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds the end of transactions that leave no other trace: journal_mode MEMORY or OFF with
 * synchronous=OFF has neither a journal nor an fsync. SQLite holds RESERVED on the database file
 * while it writes; the kernel keeps that lock, and asking for it (F_OFD_GETLK) costs no request. So
 * while writes outside a journal wait, this thread asks every millisecond.
 */
final class UnlockWatcher {
  private static final Logger LOG = LoggerFactory.getLogger(UnlockWatcher.class);

  /** SQLite's RESERVED byte (os.h: PENDING_BYTE + 1). */
  private static final long RESERVED = 0x40000000L + 1;

  private static final long POLL_MILLIS = 1;
  private static final long SLOW_POLL_MILLIS = 50;
  private static final int FAST_POLLS = 2000;

  private record Question(Database database, CompletableFuture<Boolean> answer) {}

  private final OwnDescriptors descriptors;
  private final LinkedBlockingQueue<Question> questions = new LinkedBlockingQueue<>();
  private final Map<Database, Integer> watched = new LinkedHashMap<>();

  /** Commits that wait for other nodes. */
  private final Map<Database, CompletableFuture<Boolean>> commits = new ConcurrentHashMap<>();

  private final Thread thread = new Thread(this::run, "tidemark-unlock-watcher");
  private volatile boolean stopped;

  UnlockWatcher(Path mountPoint) {
    this.descriptors = new OwnDescriptors(mountPoint);
    thread.setDaemon(true);
    thread.start();
  }

  /** Writes outside a journal have begun. */
  void watch(Database database) {
    questions.add(new Question(database, null));
  }

  /** Commits what waits, unless the lock is held; completes with whether it was free. */
  CompletableFuture<Boolean> settle(Database database) {
    CompletableFuture<Boolean> answer = new CompletableFuture<>();
    if (stopped) {
      answer.complete(true);
    } else {
      questions.add(new Question(database, answer));
    }
    return answer;
  }

  void stop() {
    stopped = true;
    questions.add(new Question(null, null));
  }

  /** Returns when the thread has given up its descriptors, or that time is over. */
  void awaitEnd(long millis) {
    try {
      thread.join(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    OwnDescriptors.registerThread();
    while (!stopped) {
      try {
        Question question =
            watched.isEmpty()
                ? questions.take()
                : questions.poll(pollMillis(), TimeUnit.MILLISECONDS);
        if (question != null && question.database != null) {
          watched.put(question.database, 0);
          look(question.database, question.answer);
        }
        lookAtAll();
      } catch (InterruptedException e) {
        break;
      }
    }
    descriptors.closeAll();
    for (Question question : questions) {
      if (question.answer != null) {
        question.answer.complete(true);
      }
    }
  }

  private long pollMillis() {
    boolean fast = watched.values().stream().anyMatch(polls -> polls < FAST_POLLS);
    return fast ? POLL_MILLIS : SLOW_POLL_MILLIS;
  }

  private void lookAtAll() {
    Iterator<Map.Entry<Database, Integer>> entries = watched.entrySet().iterator();
    while (entries.hasNext()) {
      Map.Entry<Database, Integer> entry = entries.next();
      look(entry.getKey(), null);
      if (entry.getKey().hasUnjournaledWrites()) {
        entry.setValue(entry.getValue() + 1);
      } else {
        descriptors.close(entry.getKey().name());
        entries.remove();
      }
    }
  }

  /**
   * Commits if nobody holds the lock.
   *
   * @param answer hears whether that was so; may be null
   */
  private void look(Database database, CompletableFuture<Boolean> answer) {
    CompletableFuture<Boolean> free = commits.get(database);
    if (free == null) {
      free = look(database);
    }
    if (answer != null) {
      free.thenAccept(answer::complete);
    }
  }

  private CompletableFuture<Boolean> look(Database database) {
    MainFile main = database.mainFile();
    if (main == null || !database.hasUnjournaledWrites()) {
      return CompletableFuture.completedFuture(true);
    }
    try {
      int fd = descriptors.get(database.name(), main);
      long seen = database.changes();
      if (OwnMountFiles.heldByOthers(fd, RESERVED, 1)) {
        return CompletableFuture.completedFuture(false);
      }
      if (database.commitsWait()) {
        return commitAside(database, seen);
      }
      return CompletableFuture.completedFuture(commit(database, seen));
    } catch (IOException e) {
      LOG.debug("{}: {}", database.name(), e.toString());
    }
    return CompletableFuture.completedFuture(true);
  }

  private static boolean commit(Database database, long seen) {
    try {
      return database.commitIfUnlocked(seen);
    } catch (IOException e) {
      LOG.debug("{}: {}", database.name(), e.toString());
      return true;
    }
  }

  /** A commit that waits for other nodes must not hold up those of other databases. */
  private CompletableFuture<Boolean> commitAside(Database database, long seen) {
    CompletableFuture<Boolean> done = new CompletableFuture<>();
    commits.put(database, done);
    Thread aside =
        new Thread(
            () -> {
              boolean free = true;
              try {
                free = commit(database, seen);
              } finally {
                commits.remove(database);
                done.complete(free);
              }
            },
            "tidemark-unlock-commit");
    aside.setDaemon(true);
    aside.start();
    return done;
  }
}
