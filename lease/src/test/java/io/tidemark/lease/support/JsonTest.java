package io.tidemark.lease.support;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.lease.Owner;
import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "{\"a\":null,\"b\":[true,false,[]],\"c\":{\"d\":\"\\u0001\\n\\\"\u00e4\"}}",
        "{\"n\":[0,-1,12345678901234567890,1.5,1E+30]}",
      })
  void whatIsReadIsWrittenAgainAsItWas(String text) throws IOException {
    assertThat(Json.write(Json.parseObject(text))).isEqualTo(text);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "[1", "{} {}", "{\"a\"}", "nul", "[]", "1"})
  void whatIsNotOneObjectIsRefused(String text) {
    assertThatThrownBy(() -> Json.parseObject(text)).isInstanceOf(IOException.class);
  }

  @Test
  void fieldsOfAnotherKindAreAsGoodAsMissing() {
    Map<String, Object> object = Map.of("text", 1, "number", "1", "object", "x");
    assertThat(Json.text(object, "text")).isEmpty();
    assertThat(Json.number(object, "number")).isZero();
    assertThat(Json.object(object, "object")).isEmpty();
  }

  @Test
  void anOwnerComesBackAsItWas() throws IOException {
    Owner owner = new Owner("n\u00f6de \"1\"", Owner.newNonce(), "http://host:20202", "höst");
    assertThat(OwnerJson.parse(OwnerJson.write(owner))).isEqualTo(owner);
    assertThatThrownBy(() -> OwnerJson.parse("{}")).isInstanceOf(IOException.class);
  }
}
