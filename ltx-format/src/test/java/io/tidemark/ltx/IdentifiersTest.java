package io.tidemark.ltx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class IdentifiersTest {

  @Test
  void identifiersPrintAsSixteenHexDigitsAndReadBack() {
    for (long value : new long[] {0, 1, 1000, Long.MAX_VALUE, Long.MIN_VALUE, -1}) {
      assertThat(new Txid(value)).hasToString(String.format("%016x", value));
      assertThat(Txid.parse(new Txid(value).toString())).isEqualTo(new Txid(value));
      assertThat(Checksum.parse(new Checksum(value).toString())).isEqualTo(new Checksum(value));
    }
  }

  @Test
  void transactionIdsCompareAsUnsignedNumbers() {
    assertThat(new Txid(-1)).isGreaterThan(new Txid(Long.MAX_VALUE));
    assertThat(new Txid(2)).isGreaterThan(new Txid(1));
    assertThat(new Txid(Long.MAX_VALUE).next()).isEqualTo(new Txid(Long.MIN_VALUE));
  }

  @Test
  void nothingFollowsTheLastTransactionId() {
    assertThatThrownBy(() -> new Txid(-1).next()).isInstanceOf(ArithmeticException.class);
  }

  @Test
  void theEmptyChecksumIsTheMarkAlone() {
    assertThat(Checksum.EMPTY).hasToString("8000000000000000");
    assertThat(Checksum.EMPTY.isMarked()).isTrue();
    assertThat(Checksum.ZERO.isMarked()).isFalse();
  }

  @Test
  void positionsPrintAsThirtyThreeCharactersAndReadBack() {
    Pos pos = Pos.of(1000, 2000);

    assertThat(pos).hasToString("00000000000003e8/00000000000007d0");
    assertThat(Pos.parse("00000000000003e8/00000000000007d0")).isEqualTo(pos);
    assertThat(Pos.ZERO).hasToString("0000000000000000/0000000000000000");
    assertThat(Pos.ZERO.isZero()).isTrue();
    assertThat(Pos.of(0, 1).isZero()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "00000000000003e8-00000000000007d0",
        "00000000000003e8/00000000000007d",
        "00000000000003e8/00000000000007d00",
        "00000000000003E8/00000000000007d0",
        "+0000000000003e8/00000000000007d0",
        "00000000000003e8/ 0000000000007d0"
      })
  void otherTextsAreNotPositions(String text) {
    assertThatThrownBy(() -> Pos.parse(text)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void fileNamesCarryBothTransactionIds() {
    LtxFileName name = new LtxFileName(new Txid(0xd), new Txid(0xff));

    assertThat(name).hasToString("000000000000000d-00000000000000ff.ltx");
    assertThat(LtxFileName.parse(name.toString())).isEqualTo(name);
    assertThat(LtxFileName.tryParse(name.toString())).contains(name);
    assertThat(LtxFileName.format(new Txid(1), new Txid(-1)))
        .isEqualTo("0000000000000001-ffffffffffffffff.ltx");
    assertThat(Samples.MERGED_D.header().fileName())
        .hasToString("0000000000000001-0000000000000002.ltx");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "000000000000000d-00000000000000ff.ltx.tmp",
        "000000000000000d-00000000000000ff.LTX",
        "000000000000000D-00000000000000ff.ltx",
        "000000000000000d_00000000000000ff.ltx",
        "0000000000000000-0000000000000001.ltx",
        "0000000000000002-0000000000000001.ltx",
        "x00000000000000d-00000000000000ff.ltx"
      })
  void otherNamesAreNotLtxFiles(String name) {
    assertThat(LtxFileName.tryParse(name)).isEmpty();
    assertThatThrownBy(() -> LtxFileName.parse(name)).isInstanceOf(IllegalArgumentException.class);
  }
}
