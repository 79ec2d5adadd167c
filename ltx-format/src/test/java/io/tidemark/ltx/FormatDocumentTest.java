package io.tidemark.ltx;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Keeps FORMAT.md and the code from drifting apart: its worked example is real. */
class FormatDocumentTest {

  private static final Path DOCUMENT = Path.of("FORMAT.md");

  /** A row "| offset | `hex` | ..." or "| offset | `hex` x count | ...". */
  private static final Pattern ROW =
      Pattern.compile(
          "^\\| (\\d+) \\| ((?:`[0-9a-f]+` ?)+)(?:x (\\d+) )?\\| [^|]+\\|$", Pattern.MULTILINE);

  private static final LtxFileSpec SAMPLE =
      LtxFileSpec.complete(
          LtxHeader.builder()
              .pageSize(512)
              .commit(1)
              .txid(1)
              .timestampMillis(1_700_000_000_000L)
              .nodeId(0xc0ffee),
          Map.of(1L, LtxFileSpec.filled(512, 'A')));

  @Test
  void theWorkedExampleIsTheSampleFileByteForByte() throws IOException {
    byte[] file = GoldenValuesTest.resource("sample-one-page.ltx");

    assertThat(compare(file, 0, example(0))).isEqualTo(file.length);
    assertThat(SAMPLE.encode()).isEqualTo(file);
    assertThat(SAMPLE.header().fileName()).hasToString("0000000000000001-0000000000000001.ltx");
  }

  @Test
  void theCompressedExampleIsItsSampleFileByteForByte() throws IOException {
    byte[] file = GoldenValuesTest.resource("sample-one-page-lz4.ltx");

    assertThat(compare(file, 100, example(1))).isEqualTo(file.length);
    LtxFileSpec decoded = LtxFileSpec.decode(file);
    assertThat(decoded.header()).isEqualTo(SAMPLE.lz4().header());
    assertThat(LtxFileSpec.samePages(decoded.pages(), SAMPLE.pages())).isTrue();
  }

  @Test
  void everyFieldOfTheExampleIsWhatTheDecoderReads() throws IOException {
    LtxFileSpec decoded = LtxFileSpec.decode(GoldenValuesTest.resource("sample-one-page.ltx"));

    assertThat(decoded.header())
        .isEqualTo(new LtxHeader(0, 512, 1, 1, 1, 1_700_000_000_000L, 0, 0, 0, 0, 0, 0xc0ffeeL));
    assertThat(decoded.pages()).containsOnlyKeys(1L);
    assertThat(decoded.pages().get(1L)).hasSize(512).containsOnly('A');
    assertThat(decoded.postApply())
        .isEqualTo(0xe1b3111ab98cc555L)
        .isEqualTo(PageChecksums.ofPage(1, decoded.pages().get(1L), 0, 512));
    assertThat(decoded.fileChecksum()).isEqualTo(0xefa7605146cab1b3L);
  }

  private static String example(int index) throws IOException {
    String text = Files.readString(DOCUMENT);
    String section = text.substring(text.indexOf("## A worked example"));
    int second = section.indexOf("The same compressed");
    return index == 0 ? section.substring(0, second) : section.substring(second);
  }

  /** Compares each row with the file; returns where the last one ends. */
  private static int compare(byte[] file, int start, String example) {
    Matcher row = ROW.matcher(example);
    int at = start;
    while (row.find()) {
      assertThat(Integer.parseInt(row.group(1))).as(row.group()).isEqualTo(at);
      String hex = row.group(2).replaceAll("[` ]", "");
      String all = row.group(3) == null ? hex : hex.repeat(Integer.parseInt(row.group(3)));
      int end = at + all.length() / 2;
      assertThat(HexFormat.of().formatHex(file, at, end)).as(row.group()).isEqualTo(all);
      at = end;
    }
    return at;
  }
}
