package io.tidemark.mount.fuse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class WaitingRequestsTest {
  @TempDir Path temp;

  @ParameterizedTest
  @EnumSource
  void aDeferredAnswerStopsNobodyElse(MountOptions.Transport transport) throws Exception {
    ExecutorService clients = Executors.newCachedThreadPool();
    try (TestMount m = new TestMount(temp, transport)) {
      LinkedBlockingQueue<FuseRequest> deferred = new LinkedBlockingQueue<>();
      m.fs.hook =
          (request, operation, name) -> {
            boolean takes = operation.equals("fsync") && name.equals("slow");
            if (takes) {
              deferred.add(request);
            }
            return takes;
          };
      Files.writeString(m.path("slow"), "x");
      Future<?> slow = clients.submit(() -> sync(m.path("slow")));
      FuseRequest request = deferred.poll(10, TimeUnit.SECONDS);

      for (int i = 0; i < 50; i++) {
        Files.writeString(m.path("other" + i), "x");
        sync(m.path("other" + i));
      }
      assertThat(slow.isDone()).isFalse();
      request.replyOk();
      slow.get(10, TimeUnit.SECONDS);
    } finally {
      clients.shutdownNow();
    }
  }

  private static Void sync(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.force(false);
    }
    return null;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4})
  void blockingWorkOfManyClientsRunsAtOnceAndReadsGoOn(int leaders) throws Exception {
    ExecutorService clients = Executors.newCachedThreadPool();
    int blocked = 24; // more than the request threads, so some go to the queue's threads
    WaitingSyncs syncs = new WaitingSyncs("slow");
    try (TestMount m =
        new TestMount(temp, MountOptions.Transport.KERNEL, o -> o.leaders(leaders))) {
      m.fs.hook = syncs;
      List<Future<?>> waiting = new ArrayList<>();
      for (int i = 0; i < blocked; i++) {
        Path file = m.path("slow" + i);
        Files.writeString(file, "x");
        waiting.add(clients.submit(() -> sync(file)));
      }
      await(() -> syncs.inside() == blocked);
      // All of them wait; reads and plain syncs are served.
      for (int i = 0; i < 50; i++) {
        Files.writeString(m.path("other"), "x" + i);
        assertThat(Files.readString(m.path("other"))).isEqualTo("x" + i);
      }
      syncs.release();
      for (Future<?> future : waiting) {
        future.get(10, TimeUnit.SECONDS);
      }
      // The threads came back: once more, alone.
      Files.writeString(m.path("after"), "x");
      sync(m.path("after"));
    } finally {
      syncs.release();
      clients.shutdownNow();
    }
  }

  private interface Condition {
    boolean holds();
  }

  private static void await(Condition condition) throws InterruptedException {
    long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
    while (!condition.holds()) {
      assertThat(System.nanoTime()).as("waited too long").isLessThan(deadline);
      Thread.sleep(5);
    }
  }

  @ParameterizedTest
  @EnumSource
  void workThatThrowsIsAnsweredWithAnError(MountOptions.Transport transport) throws Exception {
    try (TestMount m = new TestMount(temp, transport)) {
      m.fs.hook =
          (request, operation, name) -> {
            if (operation.equals("fsync") && name.equals("bad")) {
              request.blocking(
                  () -> {
                    throw new IllegalStateException("thrown on purpose by a test");
                  });
              return true;
            }
            return false;
          };
      Files.writeString(m.path("bad"), "x");
      for (int i = 0; i < 20; i++) {
        assertThatThrownBy(() -> sync(m.path("bad")))
            .isInstanceOf(IOException.class)
            .hasMessageContaining("Input/output error");
      }
      Files.writeString(m.path("good"), "x");
      sync(m.path("good"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"1/0", "1/50", "2/0", "2/50", "4/100"})
  void manyClientsGetTheirOwnBytesWhateverTheThreads(String setting) throws Exception {
    String[] parts = setting.split("/");
    ExecutorService clients = Executors.newCachedThreadPool();
    try (TestMount m =
        new TestMount(
            temp,
            MountOptions.Transport.KERNEL,
            o -> o.leaders(Integer.parseInt(parts[0])).spinMicros(Integer.parseInt(parts[1])))) {
      List<Future<?>> done = new ArrayList<>();
      for (int c = 0; c < 8; c++) {
        byte mark = (byte) (c + 1);
        Path file = m.path("client" + c);
        done.add(clients.submit(() -> hammer(file, mark)));
      }
      for (Future<?> future : done) {
        future.get(30, TimeUnit.SECONDS);
      }
    } finally {
      clients.shutdownNow();
    }
  }

  private static Void hammer(Path path, byte mark) throws IOException {
    try (FileChannel file =
        FileChannel.open(
            path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteBuffer page = ByteBuffer.allocateDirect(4096);
      for (int i = 0; i < 200; i++) {
        page.clear();
        while (page.hasRemaining()) {
          page.put((byte) (mark * (i + 1)));
        }
        file.write(page.flip(), 4096L * (i % 32));
        if (i % 10 == 0) {
          file.force(false);
        }
        page.clear();
        file.read(page, 4096L * (i % 32));
        for (int k = 0; k < 4096; k += 512) {
          assertThat(page.get(k)).isEqualTo((byte) (mark * (i + 1)));
        }
      }
    }
    return null;
  }
}
