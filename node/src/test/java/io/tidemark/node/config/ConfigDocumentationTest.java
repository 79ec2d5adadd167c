package io.tidemark.node.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class ConfigDocumentationTest {
  @Test
  void theTableHasEveryKeyWithItsDefault() throws IOException {
    String page = Files.readString(Path.of("../docs/CONFIGURATION.md"));
    for (ConfigKey key : ConfigKey.documented()) {

      String cell = key.defaultText().isEmpty() ? " " : " `" + key.defaultText() + "` ";
      assertThat(page).contains("| `" + key.path() + "` |" + cell + "| ");
    }
    for (ConfigKey key : ConfigKey.withoutMeaning()) {
      String section = key.path().replaceAll("^(tracing|backup)\\..*", "$1.*");
      assertThat(page).contains("`" + section + "`");
    }
  }
}
