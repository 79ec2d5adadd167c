package io.tidemark.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.proxy.LocalPositions.Mark;
import io.tidemark.proxy.PositionCookie.Seen;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PositionCookieTest {
  @Test
  void whatIsWrittenIsReadAgain() {
    Map<String, Mark> marks =
        new TreeMap<>(
            Map.of(
                "app.db", new Mark(2, 0x1f),
                "dir/ä b|c;d=\".db", new Mark(Long.MAX_VALUE, Long.MAX_VALUE)));
    String header = PositionCookie.header(marks);
    assertThat(header).endsWith("; Path=/; Max-Age=300; HttpOnly; SameSite=Lax");
    String value = header.substring(0, header.indexOf(';'));
    assertThat(value).startsWith("__txid=app.db:2-1f|dir%2F").matches("[!-~&&[^\",;\\\\]]+");
    List<Seen> seen = PositionCookie.find(List.of("a=b; " + value + "; c=d"));
    assertThat(seen)
        .containsExactly(
            new Seen("app.db", new Mark(2, 0x1f)),
            new Seen("dir/ä b|c;d=\".db", new Mark(Long.MAX_VALUE, Long.MAX_VALUE)));
  }

  @Test
  void theFormOfLiteFsMeansTheFirstDatabaseWhateverItsEpoch() {
    assertThat(PositionCookie.parse("000000000000001f"))
        .containsExactly(new Seen(null, new Mark(0, 0x1f)));
    Seen seen = new Seen(null, new Mark(0, 0x1f));
    assertThat(seen.isReachedBy(new Mark(9, 0x1e))).isFalse();
    assertThat(seen.isReachedBy(new Mark(1, 0x1f))).isTrue();
  }

  @ParameterizedTest
  @CsvSource({
    "2, 5, 2, 5, true",
    "2, 5, 2, 6, true",
    "2, 5, 2, 4, false",
    "2, 5, 3, 1, true", // a later epoch has all that is left of the earlier one
    "3, 1, 2, 9, false",
  })
  void aPositionIsReachedByEpochAndTxid(
      long epoch, long txid, long hereEpoch, long hereTxid, boolean expected) {
    Seen seen = new Seen("a", new Mark(epoch, txid));
    assertThat(seen.isReachedBy(new Mark(hereEpoch, hereTxid))).isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "x",
        ":",
        "a:",
        "a:1",
        "a:1-",
        "a:-1",
        ":1-1",
        "a:1-g",
        "a:1-1|",
        "a:1--1",
        "a%:1-1",
        "a%4:1-1",
        "a%zz:1-1",
        "zzzzzzzzzzzzzzzz",
        "ffffffffffffffff",
        "a:10000000000000000-1",
        "a:8000000000000000-1",
        "a:1-1,b:1-1",
      })
  void aCookieThatIsNoneOfOursIsIgnored(String value) {
    assertThat(PositionCookie.parse(value)).isEmpty();
    assertThat(PositionCookie.find(List.of("__txid=" + value))).isEmpty();
  }

  @Test
  void aHugeCookieIsNeitherReadNorSet() {
    assertThat(PositionCookie.parse("a:1-1|".repeat(1000) + "a:1-1")).isEmpty();
    assertThat(PositionCookie.parse("a:1-1|".repeat(16) + "a:1-1")).isEmpty();
    assertThat(PositionCookie.parse("a:1-1|".repeat(15) + "a:1-1")).hasSize(16);
    Map<String, Mark> many = new TreeMap<>();
    for (int i = 0; i < 17; i++) {
      many.put("db" + i, new Mark(1, 1));
    }
    assertThat(PositionCookie.header(many)).isNull();
    assertThat(PositionCookie.header(Map.of("x".repeat(3000), new Mark(1, 1)))).isNull();
    assertThat(PositionCookie.header(Map.of())).isNull();
  }

  @Test
  void theCookieIsFoundAmongOthers() {
    List<Seen> expected = List.of(new Seen("a", new Mark(1, 2)));
    assertThat(PositionCookie.find(List.of("x=1;__txid=a:1-2"))).isEqualTo(expected);
    assertThat(PositionCookie.find(List.of("x=1", "y=2;  __txid=\"a:1-2\" ;z")))
        .isEqualTo(expected);
    assertThat(PositionCookie.find(List.of("my__txid=a:1-2"))).isEmpty();
    assertThat(PositionCookie.find(List.of())).isEmpty();
  }
}
