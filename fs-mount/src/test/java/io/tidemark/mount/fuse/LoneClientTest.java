package io.tidemark.mount.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The reader of a lone client shares that client's CPU, and nothing worse comes of it. */
@Timeout(90)
class LoneClientTest {
  @TempDir Path temp;

  @BeforeEach
  void possibleHere() {
    FuseSupport.require(MountOptions.Transport.KERNEL);
    FuseSupport.requireRoot();
    FuseSupport.needs(Runtime.getRuntime().availableProcessors() > 1, "only one CPU");
  }

  private TestMount mount(int leaders, boolean share) throws IOException {
    return new TestMount(
        temp, MountOptions.Transport.KERNEL, o -> o.leaders(leaders).shareCpu(share));
  }

  private static void await(String what, BooleanSupplier condition) throws InterruptedException {
    long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("waited in vain: %s", what).isLessThan(deadline);
      Thread.sleep(2);
    }
  }

  private static List<ThreadState> unusual() {
    return ThreadState.unusual(ProcessHandle.current().pid());
  }

  /** A thread that writes and writes. */
  private static final class Writer implements AutoCloseable {
    private final AtomicBoolean ends = new AtomicBoolean();
    private final ExecutorService thread = Executors.newSingleThreadExecutor();
    private final Future<Integer> count;
    private volatile boolean computes;

    Writer(Path file) {
      count = thread.submit(() -> write(file));
    }

    private int write(Path path) throws IOException {
      int requests = 1;
      try (FileChannel file = create(path)) {
        writeByte(file);
        while (!ends.get()) {
          if (!computes) {
            writeByte(file);
            requests++;
          }
        }
      }
      return requests;
    }

    /** From now on it only burns CPU. */
    void compute() {
      computes = true;
    }

    /** Returns how many requests it has made. */
    int end() throws Exception {
      ends.set(true);
      return count.get(20, TimeUnit.SECONDS);
    }

    @Override
    public void close() {
      ends.set(true);
      thread.shutdown();
      try {
        assertThat(thread.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static FileChannel create(Path path) throws IOException {
    return FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
  }

  private static void writeByte(FileChannel file) throws IOException {
    file.write(ByteBuffer.wrap(new byte[] {1}), 0);
  }

  @Test
  void readerOfALoneClientIsBoundUntilASecondClientComes() throws Exception {
    try (TestMount m = mount(1, true);
        Writer first = new Writer(m.path("first"))) {
      await("the reader is bound", () -> ThreadState.sharing().size() == 1);
      assertThat(ThreadState.sharing()).allMatch(state -> state.name().startsWith("fuse-"));
      try (Writer second = new Writer(m.path("second"))) {
        await("all are free", () -> unusual().isEmpty());
        assertThat(second.end()).isPositive();
      }
      assertThat(first.end()).isPositive();
    }
  }

  @Test
  void quietMountHasNoBoundThread() throws Exception {
    try (TestMount m = mount(1, true);
        Writer writer = new Writer(m.path("f"))) {
      await("the reader is bound", () -> ThreadState.sharing().size() == 1);
      writer.end();
      await("all are free", () -> unusual().isEmpty());
    }
  }

  @Test
  void nothingIsBoundWhereSharingIsSwitchedOff() throws Exception {
    try (TestMount m = mount(1, false)) {
      nothingIsEverBound(m);
    }
  }

  @Test
  void nothingIsBoundWithTwoLeaders() throws Exception {
    try (TestMount m = mount(2, true)) {
      nothingIsEverBound(m);
    }
  }

  private static void nothingIsEverBound(TestMount m) throws Exception {
    try (Writer writer = new Writer(m.path("f"))) {
      for (int i = 0; i < 50; i++) {
        assertThat(unusual()).isEmpty();
        Thread.sleep(5);
      }
      assertThat(writer.end()).isGreaterThan(100);
    }
  }

  @Test
  void clientThatComputesAfterItsRequestHoldsUpNobody() throws Exception {
    ExecutorService clients = Executors.newSingleThreadExecutor();
    try (TestMount m = mount(1, true);
        Writer writer = new Writer(m.path("f"))) {
      for (int round = 0; round < 3; round++) {
        await("the reader is bound", () -> ThreadState.sharing().size() == 1);
        writer.compute();
        Future<?> other =
            clients.submit(
                () -> {
                  try (FileChannel file = create(m.path("other"))) {
                    for (int i = 0; i < 200; i++) {
                      writeByte(file);
                    }
                  }
                  return null;
                });
        other.get(20, TimeUnit.SECONDS);
        await("all are free", () -> unusual().isEmpty());
        writer.computes = false;
      }
    } finally {
      clients.shutdownNow();
    }
  }

  @Test
  void threadThatTakesOverFromAWaitingBoundReaderIsFree() throws Exception {
    WaitingSyncs syncs = new WaitingSyncs("slow");
    ExecutorService clients = Executors.newCachedThreadPool();
    try (TestMount m = mount(1, true)) {
      m.fs.hook = syncs;
      Future<?> waiting =
          clients.submit(
              () -> {
                try (FileChannel file = create(m.path("slow"))) {
                  while (ThreadState.sharing().isEmpty()) {
                    for (int i = 0; i < 100; i++) {
                      writeByte(file);
                    }
                  }
                  file.force(false);
                }
                return null;
              });
      await("the sync waits", () -> syncs.inside() > 0);
      Future<?> other =
          clients.submit(
              () -> {
                try (FileChannel file = create(m.path("other"))) {
                  writeByte(file);
                }
                return null;
              });
      other.get(20, TimeUnit.SECONDS);
      assertThat(waiting.isDone()).isFalse();
      await("all are free", () -> unusual().isEmpty());
      syncs.release();
      waiting.get(20, TimeUnit.SECONDS);
    } finally {
      syncs.release();
      clients.shutdownNow();
    }
  }

  @Test
  void loneClientGetsOnAlthoughEveryCpuIsBusy() throws Exception {
    List<Process> hogs = new ArrayList<>();
    try (TestMount m = mount(1, true);
        Writer writer = new Writer(m.path("f"))) {
      await("the reader is bound", () -> ThreadState.sharing().size() == 1);
      for (int i = 0; i < 2 * Runtime.getRuntime().availableProcessors(); i++) {
        hogs.add(new ProcessBuilder("/bin/sh", "-c", "while :; do :; done").start());
      }
      long before = m.mount.requestCounts().get("WRITE");
      await("500 requests", () -> m.mount.requestCounts().get("WRITE") > before + 500);
      writer.end();
      await("all are free", () -> unusual().isEmpty());
    } finally {
      hogs.forEach(Process::destroyForcibly);
    }
  }

  /** Two leaders: one sits in a handler while the other sees the end of the connection. */
  @Test
  void leaderThatGivesUpItsPlaceAfterTheEndStillLeaves() throws Exception {
    CountDownLatch inside = new CountDownLatch(1);
    CountDownLatch release = new CountDownLatch(1);
    ExecutorService clients = Executors.newCachedThreadPool();
    TestMount m = mount(2, true);
    try {
      m.fs.hook =
          (request, operation, name) -> {
            if (!operation.equals("open") || !name.equals("slow")) {
              return false;
            }
            inside.countDown();
            try {
              release.await();
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
            request.blocking(() -> request.error(Errno.EIO));
            return true;
          };
      Files.write(m.backing.resolve("slow"), new byte[1]);
      Files.write(m.backing.resolve("f"), new byte[1]);
      clients.submit(() -> Files.readAllBytes(m.path("slow")));
      assertThat(inside.await(20, TimeUnit.SECONDS)).isTrue();
      try (FileChannel file = FileChannel.open(m.path("f"), StandardOpenOption.WRITE)) {
        file.force(false); // leaves a parked thread behind
      }
      FuseControl.abort(m.mount.connectionId());
      Thread.sleep(200);

      release.countDown();

      await("the end", () -> !m.mount.isMounted());
      assertThat(m.fs.stops).hasValue(1);
    } finally {
      release.countDown();
      clients.shutdownNow();
      m.mount.abort();
    }
  }
}
