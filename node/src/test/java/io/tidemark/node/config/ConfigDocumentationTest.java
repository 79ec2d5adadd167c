package io.tidemark.node.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class ConfigDocumentationTest {
  private static final Path PAGE = Path.of("../docs/CONFIGURATION.md");

  /** With {@code tidemark.docs=write} they are brought up to date instead. */
  @Test
  void theTablesAreThoseThatAreMadeOfTheKeys() throws IOException {
    String page = Files.readString(PAGE);
    String made = ConfigReference.update(page);
    if ("write".equals(System.getProperty("tidemark.docs"))) {
      Files.writeString(PAGE, made);
    } else {
      assertThat(page).as("run the command in the page itself").isEqualTo(made);
    }
  }

  @Test
  void everyKeySaysWhatItMeans() {
    assertThat(ConfigKey.documented()).allMatch(key -> key.meaning().endsWith("."));
    assertThat(ConfigKey.withoutMeaning()).noneMatch(key -> key.ignored().isBlank());
  }
}
