package io.tidemark.mount.fuse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
class OwnMountFilesTest {
  /** SQLite's RESERVED byte. */
  private static final long RESERVED = 0x40000001L;

  @TempDir Path temp;

  @ParameterizedTest
  @EnumSource
  void locksOfOtherProcessesAndOfTheDaemonExcludeEachOther(MountOptions.Transport transport)
      throws IOException {
    try (TestMount m = new TestMount(temp, transport);
        Client client = new Client()) {
      Path file = m.path("db");
      Files.writeString(file, "x");
      int fd = OwnMountFiles.open(file);
      try {
        client.ask("open", file);
        assertThat(OwnMountFiles.heldByOthers(fd, RESERVED, 1)).isFalse();
        assertThat(client.ask("lock", file, RESERVED, 1)).isEqualTo("ok");

        assertThat(OwnMountFiles.heldByOthers(fd, RESERVED, 1)).isTrue();
        assertThat(OwnMountFiles.heldByOthers(fd, RESERVED + 1, 10)).isFalse();
        assertThat(OwnMountFiles.tryLock(fd, RESERVED, 1, false)).isFalse();
        client.ask("unlock", file);
        assertThat(OwnMountFiles.tryLock(fd, RESERVED, 1, true)).isTrue();
        assertThat(OwnMountFiles.heldByOthers(fd, RESERVED, 1)).as("own lock").isFalse();
        assertThat(client.ask("lock", file, RESERVED, 1)).isEqualTo("refused");

        OwnMountFiles.unlock(fd, RESERVED, 1);
        assertThat(client.ask("lock", file, RESERVED, 1)).isEqualTo("ok");
      } finally {
        OwnMountFiles.close(fd);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void locksAndCachedReadsSendNoRequest(MountOptions.Transport transport) throws IOException {
    try (TestMount m = new TestMount(temp, transport)) {
      Files.writeString(m.path("shm"), "hello");
      int fd = OwnMountFiles.open(m.path("shm"));
      try {
        ByteBuffer five = ByteBuffer.allocateDirect(5);
        OwnMountFiles.pread(fd, five, 0);
        Map<String, Long> before = m.mount.requestCounts();
        for (int i = 0; i < 100; i++) {
          OwnMountFiles.tryLock(fd, 120, 8, true);
          OwnMountFiles.heldByOthers(fd, 120, 8);
          OwnMountFiles.unlock(fd, 120, 8);
        }
        assertThat(m.mount.requestCounts()).isEqualTo(before);
        if (transport == MountOptions.Transport.KERNEL) {
          five.clear();
          assertThat(OwnMountFiles.pread(fd, five, 0)).isEqualTo(5);
          assertThat(five.get(1)).isEqualTo((byte) 'e');
          assertThat(m.mount.requestCounts()).isEqualTo(before);
        }
      } finally {
        OwnMountFiles.close(fd);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void errorsNameTheirCause(MountOptions.Transport transport) throws IOException {
    try (TestMount m = new TestMount(temp, transport)) {
      assertThatThrownBy(() -> OwnMountFiles.open(m.path("absent")))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("ENOENT");
      assertThatThrownBy(() -> OwnMountFiles.heldByOthers(9999, 0, 1))
          .hasMessageContaining("EBADF");
    }
  }
}
