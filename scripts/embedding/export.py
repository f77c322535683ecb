"""Writes index/data/bilingual.bin (4 bits a value) and the vectors that the engine's test compares with its own."""
import json
import pickle
import struct

import numpy as np
from blake3 import blake3

from units import DATA, PROJECT, WORK, Units

ID, TF_EXPONENT = "zhiyin-bilingual-256-2", 0.5
COMPARED = [
    "怎么退货", "買了三天還能退嗎？", "How do I return an item?", "运费由谁承担（质量问题）", "E104 错误码是什么意思",
    "iPhone 15 Pro Max 的保修期多久", "unbelievably untranslatable xylophonically", "ＦＵＬＬ　ｗｉｄｔｈ　１２３",
    "退货 return 退款 refund 退货", "Crème brûlée à la carte", "カタカナ と 한국어", "😀!!",
    "微粒贷为什么没有开通，我想问一下额度多少",
    "The refund is paid to the original payment method within 3–5 working days, except for gift cards.", "龘靐齉",
]


def quantise(vectors):
    """Whole numbers from -7 to 7 and a scale a row, the scale chosen for the least squared error."""
    largest = np.abs(vectors).max(1) + 1e-12
    least = np.full(len(vectors), np.inf)
    scales, values = np.zeros(len(vectors), np.float32), np.zeros(vectors.shape, np.int8)
    for part in np.linspace(0.45, 1, 12):
        rounded = np.clip(np.rint(vectors / (largest * part / 7)[:, None]), -7, 7)
        scale = ((vectors * rounded).sum(1) / ((rounded * rounded).sum(1) + 1e-9)).astype(np.float32)
        error = ((vectors - rounded * scale[:, None]) ** 2).sum(1)
        better = error < least
        least[better], scales[better], values[better] = error[better], scale[better], rounded[better]
    return values, scales


def vector(text, units, table):
    rows, weights = units(text)
    total = np.zeros(table.shape[1])
    for row in sorted(set(rows.tolist())):
        same = rows == row
        total += float(weights[same].mean()) * same.sum() ** TF_EXPONENT * table[row]
    length = np.linalg.norm(total)
    return total / length if length else total


def main():
    names, pieces, _ = pickle.load((WORK / "texts.pkl").open("rb"))
    values, scales = quantise(np.load(WORK / "vectors.npy"))
    size = values.shape[1]
    header = json.dumps(
        {"id": ID, "dimension": size, "tf_exponent": TF_EXPONENT, "units": len(names), "pieces": len(pieces)}
    ).encode()
    texts = "\n".join(names + pieces).encode() + b"\n"
    packed = (values[:, : size // 2] & 15) | ((values[:, size // 2 :] & 15) << 4)
    out = b"ZYEMB1\n\0" + struct.pack("<I", len(header)) + header + struct.pack("<I", len(texts)) + texts
    out += scales.astype("<f4").tobytes() + packed.astype(np.uint8).tobytes()
    (DATA / "bilingual.bin").write_bytes(out + blake3(out).digest())
    units, table = Units(names, pieces), values.astype(np.float32) * scales[:, None]
    compared = [{"text": t, "vector": [round(float(x), 6) for x in vector(t, units, table)]} for t in COMPARED]
    path = PROJECT / "index" / "tests" / "data" / "bilingual.json"
    path.write_text(json.dumps(compared, ensure_ascii=False), encoding="utf8")
    print(f"{len(out) + 32} bytes")


if __name__ == "__main__":
    main()
