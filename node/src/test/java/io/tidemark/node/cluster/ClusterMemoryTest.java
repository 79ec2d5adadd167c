package io.tidemark.node.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClusterMemoryTest {
  @TempDir Path dir;

  private static RandomGenerator draws(Long... numbers) {
    Iterator<Long> next = List.of(numbers).iterator();
    return next::next;
  }

  private Path file() {
    return dir.resolve("cluster");
  }

  @Test
  void everythingSurvivesReopening() throws Exception {
    ClusterMemory memory = ClusterMemory.open(file(), draws(-7L));
    memory.follows(5, 0xABCD, 9);

    ClusterMemory again = ClusterMemory.open(file(), draws());
    assertThat(again.token()).isEqualTo(-7L);
    assertThat(again.recordVersion()).isEqualTo(9);
    assertThat(again.nonceOf(5)).isEqualTo(0xABCD);
  }

  @Test
  void aNewTokenSurvivesReopening() throws Exception {
    assertThat(ClusterMemory.open(file(), draws(1L, 2L)).newToken()).isEqualTo(2);
    assertThat(ClusterMemory.open(file(), draws()).token()).isEqualTo(2);
  }

  @Test
  void theTokenOfAnEmptyDirectoryIsDrawnAndDurable() throws Exception {
    assertThat(ClusterMemory.open(file(), draws(3L)).token()).isEqualTo(3);
    assertThat(ClusterMemory.open(file(), draws(4L)).token()).isEqualTo(3);
  }

  @Test
  void aTokenIsNeverZero() throws Exception {
    ClusterMemory memory = ClusterMemory.open(file(), draws(0L, 0L, 6L, 0L, 7L));
    assertThat(memory.token()).isEqualTo(6);
    assertThat(memory.newToken()).isEqualTo(7);
  }

  @Test
  void theNonceOfAnotherEpochIsNotKnown() throws Exception {
    ClusterMemory memory = ClusterMemory.open(file(), draws(1L));
    memory.follows(5, 8, 1);
    assertThat(memory.nonceOf(4)).isZero();
    assertThat(memory.nonceOf(6)).isZero();
  }

  @Test
  void theVersionThatWasSeenNeverGoesBack() throws Exception {
    ClusterMemory memory = ClusterMemory.open(file(), draws(1L));
    memory.saw(9);
    memory.saw(4);
    assertThat(memory.recordVersion()).isEqualTo(9);
    memory.follows(6, 8, 3);
    assertThat(memory.recordVersion()).isEqualTo(9);
    assertThat(memory.nonceOf(6)).isEqualTo(8);
    assertThat(ClusterMemory.open(file(), draws()).recordVersion()).isEqualTo(9);
  }

  @Test
  void aDamagedFileIsAnErrorThatNamesIt() throws Exception {
    ClusterMemory.open(file(), draws(1L)).saw(9);
    String good = Files.readString(file());
    for (String damaged :
        List.of(
            "",
            good.substring(0, good.length() - 1),
            good + "x",
            good.replace("record 9", "record -9"),
            good.replace("tidemark-cluster 1", "tidemark-cluster 2"))) {
      Files.writeString(file(), damaged);
      assertThatThrownBy(() -> ClusterMemory.open(file(), draws(1L)))
          .isInstanceOf(IOException.class)
          .hasMessageContaining(file().toString())
          .hasMessageContaining("damaged");
    }
  }

  @Test
  void aNumberTooLargeIsDamageToo() throws Exception {
    ClusterMemory.open(file(), draws(1L)).saw(9);
    String good = Files.readString(file());
    Files.writeString(file(), good.replace("record 9", "record 9999999999999999999"));
    assertThatThrownBy(() -> ClusterMemory.open(file(), draws(1L)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(file().toString());
  }

  @Test
  void bytesThatAreNoTextAreDamageToo() throws Exception {
    Files.write(file(), new byte[] {'t', (byte) 0xFF, 0, (byte) 0xC0});
    assertThatThrownBy(() -> ClusterMemory.open(file(), draws(1L)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(file().toString());
  }

  @Test
  void whatCannotBeMadeDurableDoesNotCount() throws Exception {
    ClusterMemory memory = ClusterMemory.open(file(), draws(1L, 2L));
    memory.follows(5, 8, 9);
    String before = Files.readString(file());
    // Nothing can be moved over a directory that is not empty.
    Files.move(file(), dir.resolve("kept"));
    Files.createDirectories(file().resolve("in the way"));

    assertThatThrownBy(() -> memory.follows(6, 7, 10)).isInstanceOf(IOException.class);
    assertThatThrownBy(memory::newToken).isInstanceOf(IOException.class);
    assertThatThrownBy(() -> memory.saw(11)).isInstanceOf(IOException.class);

    assertThat(memory.recordVersion()).isEqualTo(9);
    assertThat(memory.token()).isEqualTo(1);
    assertThat(memory.nonceOf(5)).isEqualTo(8);
    assertThat(memory.nonceOf(6)).isZero();
    assertThat(dir.resolve("kept")).hasContent(before);
  }

  @Test
  void theOldContentStaysUntilTheNewFileIsWritten() throws Exception {
    ClusterMemory memory = ClusterMemory.open(file(), draws(1L, 2L));
    memory.saw(9);
    String before = Files.readString(file());
    Files.createDirectory(dir.resolve("cluster.new")); // the new file cannot even be created

    assertThatThrownBy(() -> memory.saw(10)).isInstanceOf(IOException.class);
    assertThat(Files.readString(file())).isEqualTo(before);
    assertThat(memory.recordVersion()).isEqualTo(9);
    assertThat(ClusterMemory.open(file(), draws()).recordVersion()).isEqualTo(9);
  }
}
