package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * A store on a {@link FaultyDisk} that can be abandoned and opened again. Its upkeep runs only when
 * a test says so, so that a test alone decides when the log is synced.
 */
final class TestStore implements AutoCloseable {
  final Path root;
  final FaultyDisk disk;
  private final Random ids = new Random(7);
  private final boolean compress;
  private final Duration retention;
  private final long retentionBytes;
  private Role role = Role.PRIMARY;
  private CommitGate gate = CommitGate.ASYNC;
  Store store;

  TestStore(Path directory) throws IOException {
    this(directory, true, Duration.ZERO, 0);
  }

  TestStore(Path directory, boolean compress, Duration retention, long retentionBytes)
      throws IOException {
    this.root = directory.resolve("data");
    this.disk = new FaultyDisk(root, directory.resolve("graves"));
    this.compress = compress;
    this.retention = retention;
    this.retentionBytes = retentionBytes;
  }

  /** From the next start on. */
  TestStore as(Role newRole) {
    role = newRole;
    return this;
  }

  /** From now on, also after a restart. */
  TestStore with(CommitGate newGate) {
    gate = newGate;
    if (store != null) {
      store.commitGate(newGate);
    }
    return this;
  }

  TestStore open() throws IOException {
    StoreOptions options =
        new StoreOptions(root, compress, retention, retentionBytes, role == Role.PRIMARY);
    disk.opening(true);
    try {
      store = Store.open(options, disk, ids);
    } finally {
      disk.opening(false);
    }
    store.commitGate(gate);
    stopUpkeep(store);
    return this;
  }

  static void stopUpkeep(Store store) {
    try {
      var field = Store.class.getDeclaredField("upkeep");
      field.setAccessible(true);
      ScheduledExecutorService upkeep = (ScheduledExecutorService) field.get(store);
      upkeep.shutdownNow();
      upkeep.awaitTermination(10, TimeUnit.SECONDS);
    } catch (ReflectiveOperationException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** What the upkeep thread would do now, in all databases. */
  void upkeep() {
    for (Database database : store.allDatabases()) {
      try {
        database.upkeep();
      } catch (IOException e) {
        // as in the store: the database remembers
      }
    }
  }

  /** Runs the upkeep until something is so. */
  void upkeepUntil(BooleanSupplier condition) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    while (!condition.getAsBoolean()) {
      upkeep();
      assertThat(System.nanoTime()).as("waited too long for upkeep").isLessThan(deadline);
      LockSupport.parkNanos(5_000_000);
    }
  }

  /** Returns when the background thread has prepared what it was asked to. */
  void settle() {
    FutureTask<Void> marker = new FutureTask<>(() -> null);
    store.background().execute(marker);
    try {
      marker.get(10, TimeUnit.SECONDS);
    } catch (InterruptedException | ExecutionException | TimeoutException e) {
      throw new AssertionError(e);
    }
  }

  /** The process is killed: nothing is written any more; what was written stays. */
  TestStore kill() {
    disk.die();
    try {
      store.close();
    } catch (IOException | RuntimeException | Error e) {
      // nothing else is possible on a dead disk
    }
    try {
      store.dataDirectory().close();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    disk.revive();
    return this;
  }

  /** Killed, and opened again on the same files. */
  TestStore crash() throws IOException {
    return kill().open();
  }

  /** The machine stops; some of what was not synced is lost. */
  TestStore powerLoss(Random random) throws IOException {
    kill();
    disk.powerLoss(random);
    return open();
  }

  TestStore reopenCleanly() throws IOException {
    store.close();
    return open();
  }

  @Override
  public void close() {
    kill();
  }

  Path databaseFile(String name) {
    return DataDirectory.databaseDirectory(root, name).resolve("database");
  }

  Path logDirectory(String name) {
    return DataDirectory.databaseDirectory(root, name).resolve("log");
  }

  Path lastSegment(String name) throws IOException {
    try (var files = Files.list(logDirectory(name))) {
      return files.sorted().reduce((a, b) -> b).orElseThrow();
    }
  }

  /** What a program reads from beginning to end; empty if there is no such database. */
  byte[] read(String name) throws IOException {
    Database database = store.get(name);
    MainFile main = database == null ? null : database.mainFile();
    if (main == null) {
      return new byte[0];
    }
    ByteBuffer all = ByteBuffer.allocate((int) main.size());
    database.read(main, all, 0);
    assertThat(all.hasRemaining()).as("short read of " + name).isFalse();
    return all.array();
  }
}
