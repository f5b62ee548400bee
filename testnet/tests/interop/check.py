"""Statements, receipts and logs of ours, judged by libraries that others wrote.

usage: check.py statement FILE KEY | receipt FILE ENTRY KEY... | transparent FILE PLAIN SIGNER ENTRY KEY...
       | log FILE | consistency FILE

It prints one JSON object. `statement` and `receipt` also change every bit and count what is still
believed. KEY is a raw Ed25519 key and ENTRY a log entry, both in hexadecimal.
"""

import json
import sys

import cbor2
import scitt_cose
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pycose.keys import OKPKey
from pycose.messages import Sign1Message
from pymerkle import InmemoryTree, InvalidProof, verify_consistency, verify_inclusion
from pymerkle.core import _inclusion_path_layout
from pymerkle.proof import InclusionProof
from scitt_cose import merkle


def pem(key):
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
    return public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def flips(good):
    for bit in range(len(good) * 8):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << (bit % 8)
        yield bytes(bad)


def by_pycose(message, key):
    try:
        read = Sign1Message.decode(message)
        read.key = OKPKey(crv="ED25519", x=bytes.fromhex(key))
        return read.verify_signature()
    except Exception:
        return False


def by_scitt(message, key):
    return scitt_cose.parse_signed_statement(message, public_key_pem=key)


def statement(path, key):
    message = open(path, "rb").read()
    public = pem(key)
    read = by_scitt(message, public)
    protected = cbor2.loads(cbor2.loads(message).value[0])
    believed = sum(by_scitt(bad, public)["signature_verified"] is True for bad in flips(message))
    # Every seventh: this library is slow.
    sample = list(flips(message))[::7]
    return {
        "pycose": by_pycose(message, key),
        "scitt_cose": read["signature_verified"] is True,
        "issuer": read["issuer"],
        "subject": read["subject"],
        "payload": read["payload"].hex(),
        "payload_hash_alg": protected[258],
        "preimage": protected[259],
        "canonical": cbor2.dumps(cbor2.loads(message), canonical=True) == message,
        "flips_believed": believed,
        "flips_believed_by_pycose": sum(by_pycose(bad, key) for bad in sample),
    }


def included(root, entry, size, index, path):
    """RFC 9162 by pymerkle: the path alone, without any COSE."""
    import hashlib

    leaf = hashlib.sha256(b"\0" + entry).digest()
    rule, _ = _inclusion_path_layout(index + 1, size)
    proof = InclusionProof("sha256", True, size, index + 1, rule, [leaf] + path)
    try:
        verify_inclusion(leaf, root, proof, index=index + 1, size=size)
        return True
    except InvalidProof:
        return False


def one_receipt(message, entry, keys):
    value = cbor2.loads(message).value
    key = cbor2.loads(value[0])[4].hex()
    public = pem(key)

    def judge(bad):
        return scitt_cose.verify_receipt(bad, leaf_entry_hex=entry, log_public_key_pem=public)

    result = judge(message)
    size, index, path = cbor2.loads(value[1][396][-1][0])
    root = bytes.fromhex(result.root or "")
    other = ("02" if entry[:2] == "01" else "01") + entry[2:]
    wrong = scitt_cose.verify_receipt(message, leaf_entry_hex=other, log_public_key_pem=public)
    # What stands beside the proof in the unprotected header is not this library's to judge.
    plain = dict(value[1])
    plain.pop("linli", None)
    bare = cbor2.dumps(cbor2.CBORTag(18, [value[0], plain, value[2], value[3]]), canonical=True)
    return {
        "key": key,
        "known_key": key in keys,
        "verified": result.ok,
        "errors": result.errors,
        "issuer": result.issuer,
        "iat": result.iat,
        "size": size,
        "leaf": index,
        "included": included(root, bytes.fromhex(entry), size, index, list(path)),
        "other_entry_believed": wrong.ok,
        "flips_believed": sum(judge(bad).ok for bad in flips(bare)),
    }


def receipt(path, entry, *keys):
    content = cbor2.loads(open(path, "rb").read())
    receipts = content if isinstance(content, (list, tuple)) else [content]
    # As byte strings (RFC 9942, header 394), or as they are in a file of ours.
    plain = [one if isinstance(one, bytes) else cbor2.dumps(one, canonical=True) for one in receipts]
    return {"receipts": [one_receipt(message, entry, keys) for message in plain]}


def transparent(path, plain, signer, entry, *keys):
    """A transparent statement (RFC 9943): the statement's signature, and each receipt in it."""
    message, statement = open(path, "rb").read(), open(plain, "rb").read()
    receipts = scitt_cose.extract_receipts(message)
    return {
        "statement_verified": by_scitt(message, pem(signer))["signature_verified"] is True,
        "same_statement": scitt_cose.attach_receipts(statement, receipts) == message,
        "receipts": [one_receipt(one, entry, keys) for one in receipts],
    }


def log(path):
    """Every root, inclusion path and consistency path of a log of known entries."""
    job = json.load(open(path))
    entries = [bytes.fromhex(entry) for entry in job["entries"]]
    tree = InmemoryTree(algorithm="sha256")
    for entry in entries:
        tree.append_entry(entry)
    roots = {int(size): bytes.fromhex(root) for size, root in job["roots"].items()}
    wrong = [size for size, root in roots.items() if tree.get_root(size) != root]
    for one in job["inclusion"]:
        index, size, path = one["index"], one["size"], [bytes.fromhex(n) for n in one["path"]]
        same = tree.prove_inclusion(index + 1, size).path[1:] == path
        if not same or not included(roots[size], entries[index], size, index, path):
            wrong.append(one)
    for one in job["consistency"]:
        old, new, path = one["from"], one["to"], one["path"]
        verify_consistency(roots[old], roots[new], tree.prove_consistency(old, new))
        if not merkle.verify_consistency(roots[old].hex(), roots[new].hex(), old, new, path):
            wrong.append(one)
        if path and merkle.verify_consistency(roots[new].hex(), roots[old].hex(), old, new, path):
            wrong.append(one)
    return {"roots": len(roots), "paths": len(job["inclusion"]) + len(job["consistency"]), "wrong": wrong}


def consistency(path):
    """One way between two sizes, as `linli evidence consistency` writes it."""
    one = json.load(open(path))
    arguments = (one["from_root"], one["to_root"], one["from"], one["to"], one["path"])
    return {"verified": merkle.verify_consistency(*arguments)}


if __name__ == "__main__":
    verbs = [statement, receipt, transparent, log, consistency]
    print(json.dumps({verb.__name__: verb for verb in verbs}[sys.argv[1]](*sys.argv[2:])))
