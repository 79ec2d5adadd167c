package io.tidemark.mount.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Another process holds a file open and mapped while the daemon changes it. */
@Timeout(60)
class KernelCacheTest {
  private static final int SIZE = 16384;

  @TempDir Path temp;

  private static Path file(TestMount m) throws IOException {
    Files.write(m.backing.resolve("f"), new byte[SIZE]);
    return m.path("f");
  }

  private static void changeBacking(TestMount m, int offset, int value) throws IOException {
    try (FileChannel channel = FileChannel.open(m.backing.resolve("f"), StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(new byte[] {(byte) value}), offset);
    }
  }

  @ParameterizedTest
  @EnumSource
  void invalidatedBytesAreReadAgainByReadAndBySharedMapping(MountOptions.Transport transport)
      throws IOException {
    try (TestMount m = new TestMount(temp, transport);
        Client client = new Client()) {
      Path f = file(m);
      client.ask("open", f);
      client.ask("map", f, SIZE);
      assertThat(client.ask("peek", f, 5000)).isEqualTo("0");
      changeBacking(m, 5000, 77);
      assertThat(client.ask("peek", f, 5000)).as("cached so far").isEqualTo("0");

      m.fs.cache().invalidate(m.fs.nodeOf("f"), 4096, 4096);

      assertThat(client.ask("peek", f, 5000)).isEqualTo("77");
      assertThat(client.ask("read", f, 5000)).isEqualTo("77");
    }
  }

  @ParameterizedTest
  @EnumSource
  void storedBytesShowAtOnceInReadAndSharedMapping(MountOptions.Transport transport)
      throws IOException {
    try (TestMount m = new TestMount(temp, transport);
        Client client = new Client()) {
      Path f = file(m);
      client.ask("open", f);
      client.ask("map", f, SIZE);
      assertThat(client.ask("peek", f, 9000)).isEqualTo("0");
      changeBacking(m, 9000, 42);

      m.fs.cache().store(m.fs.nodeOf("f"), 9000, ByteBuffer.wrap(new byte[] {42}));

      assertThat(client.ask("peek", f, 9000)).isEqualTo("42");
      assertThat(client.ask("read", f, 9000)).isEqualTo("42");
      assertThat(client.ask("read", f, 9001)).isEqualTo("0");
    }
  }

  @ParameterizedTest
  @EnumSource
  void aStoreBehindTheEndShowsTheNewSize(MountOptions.Transport transport) throws IOException {
    try (TestMount m = new TestMount(temp, transport);
        Client client = new Client()) {
      Path f = file(m);
      client.ask("open", f);
      assertThat(client.ask("size", f)).isEqualTo(Integer.toString(SIZE));
      changeBacking(m, 3_000_000 - 1, 9);
      byte[] tail = new byte[3_000_000 - SIZE];
      tail[tail.length - 1] = 9;

      m.fs.cache().store(m.fs.nodeOf("f"), SIZE, ByteBuffer.wrap(tail));

      assertThat(client.ask("size", f)).isEqualTo("3000000");
      assertThat(client.ask("read", f, 2_999_999)).isEqualTo("9");
    }
  }

  @ParameterizedTest
  @EnumSource
  void invalidatedAttributesAreAskedAgain(MountOptions.Transport transport) throws IOException {
    try (TestMount m = new TestMount(temp, transport);
        Client client = new Client()) {
      Path f = file(m);
      client.ask("open", f);
      assertThat(client.ask("size", f)).isEqualTo(Integer.toString(SIZE));
      changeBacking(m, 99_999, 1);

      m.fs.cache().invalidateAttributes(m.fs.nodeOf("f"));

      assertThat(client.ask("size", f)).isEqualTo("100000");
    }
  }

  @ParameterizedTest
  @EnumSource
  void anInvalidatedEntryIsLookedUpAgain(MountOptions.Transport transport) throws IOException {
    try (TestMount m = new TestMount(temp, transport)) {
      Path f = file(m);
      assertThat(Files.exists(f)).isTrue();
      Files.delete(m.backing.resolve("f"));
      m.fs.cache().invalidateEntry(FuseFileSystem.ROOT_NODE, "f");
      assertThat(Files.exists(f)).isFalse();
    }
  }

  @ParameterizedTest
  @EnumSource
  void mappingAndWritesOfTwoProgramsAreOne(MountOptions.Transport transport) throws IOException {
    try (TestMount m = new TestMount(temp, transport);
        Client one = new Client();
        Client two = new Client()) {
      Path f = file(m);
      one.ask("open", f);
      one.ask("map", f, SIZE);
      two.ask("open", f);
      two.ask("map", f, SIZE);

      one.ask("poke", f, 10, 1);
      assertThat(two.ask("peek", f, 10)).isEqualTo("1");
      assertThat(two.ask("read", f, 10)).isEqualTo("1");
      two.ask("write", f, 11, 2);
      assertThat(one.ask("peek", f, 11)).isEqualTo("2");
    }
  }

  @ParameterizedTest
  @EnumSource
  void notificationsForUnknownNodesAndAfterTheEndAreHarmless(MountOptions.Transport transport)
      throws IOException {
    TestMount m = new TestMount(temp, transport);
    KernelCache cache = m.mount.cache();
    cache.invalidate(4711, 0, 0);
    cache.invalidateEntry(4711, "x");
    cache.store(4711, 0, ByteBuffer.allocate(10));
    m.close();
    cache.invalidate(FuseFileSystem.ROOT_NODE, 0, 0);
    cache.invalidateEntry(FuseFileSystem.ROOT_NODE, "x");
    cache.store(FuseFileSystem.ROOT_NODE, 0, ByteBuffer.allocate(10));
  }

  @Test
  void changesOfAMappingAreToldFromWrites() throws Exception {
    List<Boolean> writeBacks = new CopyOnWriteArrayList<>();
    try (TestMount m = new TestMount(temp, MountOptions.Transport.KERNEL);
        Client client = new Client()) {
      m.fs.hook =
          (request, operation, name) -> {
            if (operation.equals("write")) {
              writeBacks.add(request.isWriteBack());
            }
            return false;
          };
      Path f = file(m);
      client.ask("open", f);
      client.ask("write", f, 5, 1);
      assertThat(writeBacks).containsExactly(false);
      client.ask("map", f, SIZE);
      client.ask("poke", f, 9000, 7);
      Client.run("sync", f.toString());
      assertThat(writeBacks).containsExactly(false, true);
    }
  }
}
