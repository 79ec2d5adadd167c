package io.tidemark.mount.fuse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
class FilesOnMountTest {
  @TempDir Path temp;

  @ParameterizedTest
  @EnumSource
  void filesAndDirectoriesAreMadeListedRenamedAndRemoved(MountOptions.Transport transport)
      throws IOException {
    try (TestMount m = new TestMount(temp, transport)) {
      Files.createDirectory(m.path("dir"));
      Files.writeString(m.path("dir/a"), "one");
      Files.move(m.path("dir/a"), m.path("dir/b"));
      Files.writeString(m.path("c"), "two");

      assertThat(Files.readString(m.path("dir/b"))).isEqualTo("one");
      assertThat(Files.exists(m.path("dir/a"))).isFalse();
      assertThat(names(m.root)).containsExactly("c", "dir");
      assertThat(Files.readString(m.backing.resolve("dir/b"))).isEqualTo("one");
      assertThatThrownBy(() -> Files.delete(m.path("dir"))).isInstanceOf(FileSystemException.class);
      assertThatThrownBy(() -> Files.createDirectory(m.path("dir")))
          .isInstanceOf(FileAlreadyExistsException.class);

      Files.delete(m.path("dir/b"));
      Files.delete(m.path("dir"));
      Files.delete(m.path("c"));
      assertThat(names(m.root)).isEmpty();
    }
  }

  private static Stream<String> names(Path directory) throws IOException {
    try (Stream<Path> list = Files.list(directory)) {
      return list.map(p -> p.getFileName().toString()).sorted().toList().stream();
    }
  }

  @ParameterizedTest
  @EnumSource
  void renameReplacesAnExistingFile(MountOptions.Transport transport) throws IOException {
    try (TestMount m = new TestMount(temp, transport)) {
      Files.writeString(m.path("old"), "old");
      Files.writeString(m.path("new"), "new");
      Client.run("mv", m.path("new").toString(), m.path("old").toString());
      assertThat(Files.readString(m.path("old"))).isEqualTo("new");
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  @ParameterizedTest
  @EnumSource
  void symbolicLinksKeepTheirTarget(MountOptions.Transport transport) throws IOException {
    try (TestMount m = new TestMount(temp, transport)) {
      Path target = Path.of("somewhere/else-" + "x".repeat(2000));
      Files.createSymbolicLink(m.path("link"), target);
      assertThat(Files.readSymbolicLink(m.path("link"))).isEqualTo(target);
    }
  }

  @ParameterizedTest
  @EnumSource
  void permissionsTimesAndSizeAreSetAndShown(MountOptions.Transport transport) throws IOException {
    try (TestMount m = new TestMount(temp, transport)) {
      Path file = m.path("f");
      Files.write(file, new byte[10_000]);
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
      FileTime time = FileTime.from(Instant.parse("2001-02-03T04:05:06Z"));
      Files.setLastModifiedTime(file, time);

      Map<String, Object> seen = Files.readAttributes(file, "unix:size,mode,lastModifiedTime");
      assertThat(seen.get("size")).isEqualTo(10_000L);
      assertThat((int) seen.get("mode") & 0777).isEqualTo(0640);
      assertThat(seen.get("lastModifiedTime")).isEqualTo(time);

      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        channel.truncate(77);
      }
      assertThat(Files.size(file)).isEqualTo(77);
      assertThat(Files.size(m.backing.resolve("f"))).isEqualTo(77);
    }
  }

  @ParameterizedTest
  @EnumSource
  void theKernelAppliesTheUmask(MountOptions.Transport transport) throws Exception {
    try (TestMount m = new TestMount(temp, transport)) {
      Client.run("sh", "-c", "umask 027; : > '" + m.path("f") + "'; mkdir '" + m.path("d") + "'");
      assertThat(mode(m.path("f"))).isEqualTo(0640);
      assertThat(mode(m.path("d"))).isEqualTo(0750);
    }
  }

  private static int mode(Path path) throws IOException {
    return (int) Files.getAttribute(path, "unix:mode") & 0777;
  }

  @ParameterizedTest
  @EnumSource
  void largeFilesComeBackByteForByte(MountOptions.Transport transport) throws IOException {
    try (TestMount m = new TestMount(temp, transport)) {
      byte[] bytes = new byte[9_876_543];
      new Random(42).nextBytes(bytes);
      Files.write(m.path("big"), bytes);

      assertThat(Files.readAllBytes(m.backing.resolve("big"))).isEqualTo(bytes);
      // Uncached: through a file the kernel has not seen yet.
      Files.move(m.backing.resolve("big"), m.backing.resolve("cold"));
      assertThat(Files.readAllBytes(m.path("cold"))).isEqualTo(bytes);
    }
  }

  @ParameterizedTest
  @EnumSource
  void writesAtOffsetsAndHolesReadBack(MountOptions.Transport transport) throws IOException {
    try (TestMount m = new TestMount(temp, transport);
        FileChannel file =
            FileChannel.open(
                m.path("holes"),
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE)) {
      file.write(ByteBuffer.wrap(new byte[] {7}), 5_000_000);
      file.write(ByteBuffer.wrap(new byte[] {8}), 4095);
      ByteBuffer two = ByteBuffer.allocate(2);
      file.read(two, 4095);
      assertThat(two.array()).containsExactly(8, 0);
      assertThat(file.size()).isEqualTo(5_000_001);
    }
  }

  @ParameterizedTest
  @EnumSource
  void aDirectoryOfManyEntriesIsListedOnceEach(MountOptions.Transport transport)
      throws IOException {
    try (TestMount m = new TestMount(temp, transport)) {
      for (int i = 0; i < 3000; i++) {
        Files.createFile(m.backing.resolve("entry-with-a-longer-name-%05d".formatted(i)));
      }
      assertThat(names(m.root))
          .containsExactlyElementsOf(
              IntStream.range(0, 3000)
                  .mapToObj("entry-with-a-longer-name-%05d"::formatted)
                  .toList());
    }
  }

  @ParameterizedTest
  @EnumSource
  void anUnlinkedFileLivesOnWhileItIsOpen(MountOptions.Transport transport) throws IOException {
    try (TestMount m = new TestMount(temp, transport);
        FileChannel file =
            FileChannel.open(
                m.path("gone"),
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE)) {
      file.write(ByteBuffer.wrap(new byte[] {1, 2, 3}), 0);
      Files.delete(m.path("gone"));
      file.write(ByteBuffer.wrap(new byte[] {4}), 3);
      ByteBuffer four = ByteBuffer.allocate(4);
      file.read(four, 0);

      assertThat(four.array()).containsExactly(1, 2, 3, 4);
      assertThat(names(m.backing)).isEmpty();
      // The name can be made again, and is another file.
      Files.writeString(m.path("gone"), "new");
      assertThat(Files.readString(m.path("gone"))).isEqualTo("new");
    }
  }

  @ParameterizedTest
  @EnumSource
  void namesThatAreNoTextOrTooLongAreRefused(MountOptions.Transport transport) throws Exception {
    try (TestMount m = new TestMount(temp, transport)) {
      String notUtf8 = Client.run("sh", "-c", "LC_ALL=C; : > '" + m.root + "/'$(printf '\\377x')");
      assertThat(notUtf8).contains("ultibyte");
      assertThatThrownBy(() -> Files.createFile(m.path("n".repeat(256))))
          .isInstanceOf(FileSystemException.class)
          .hasMessageContaining("too long");
      Files.createFile(m.path("n".repeat(255)));
      Files.createFile(m.path("Grüße-数据"));
      assertThat(names(m.backing)).contains("n".repeat(255)).hasSize(2);
    }
  }

  @ParameterizedTest
  @EnumSource
  void spaceOfTheFileSystemIsReported(MountOptions.Transport transport) throws IOException {
    try (TestMount m = new TestMount(temp, transport)) {
      assertThat(Files.getFileStore(m.root).getTotalSpace()).isEqualTo(1000L * 4096);
    }
  }

  @ParameterizedTest
  @EnumSource
  void anExceptionBecomesAnInputOutputErrorAndTheMountGoesOn(MountOptions.Transport transport)
      throws IOException {
    try (TestMount m = new TestMount(temp, transport)) {
      Files.writeString(m.path("bad"), "x");
      Files.writeString(m.path("good"), "x");
      m.fs.hook =
          (request, operation, name) -> {
            if (operation.equals("open") && name.equals("bad")) {
              throw new IllegalStateException("thrown on purpose by a test");
            }
            return false;
          };
      for (int i = 0; i < 40; i++) {
        assertThatThrownBy(() -> Files.readString(m.path("bad")))
            .isInstanceOf(FileSystemException.class)
            .hasMessageContaining("Input/output error");
      }
      assertThat(Files.readString(m.path("good"))).isEqualTo("x");
    }
  }

  @ParameterizedTest
  @EnumSource
  void requestsAreCountedByKind(MountOptions.Transport transport) throws IOException {
    try (TestMount m = new TestMount(temp, transport)) {
      assertThatThrownBy(() -> Files.readString(m.path("absent")))
          .isInstanceOf(NoSuchFileException.class);
      Files.writeString(m.path("f"), "x");
      assertThat(m.mount.requestCounts()).containsEntry("WRITE", 1L).containsEntry("CREATE", 1L);
    }
  }

  @ParameterizedTest
  @EnumSource
  void forgottenNodesAreGivenBack(MountOptions.Transport transport) throws Exception {
    FuseSupport.requireRoot();
    try (TestMount m = new TestMount(temp, transport)) {
      for (int i = 0; i < 200; i++) {
        Files.writeString(m.path("f" + i), "x");
        Files.delete(m.path("f" + i));
      }
      Files.writeString(m.path("last"), "x");
      long deadline = System.nanoTime() + 10_000_000_000L;
      while (m.fs.knownNodes() > 20 && System.nanoTime() < deadline) {
        Thread.sleep(20);
      }
      assertThat(m.fs.knownNodes()).isLessThanOrEqualTo(20);
    }
  }
}
